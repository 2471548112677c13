"""The way from acceptance to a worker, and what workers are busy with."""

from typing import Final

from scripts.observability.dashboards.model import Board, Panel, Query, Section, Unit
from scripts.observability.dashboards.queries import largest, mean, quantile, quantiles, rate, total

_QUEUE: Final = (
    Panel(
        "Waiting by class",
        "Executions that wait to be taken.",
        Unit.COUNT,
        (Query(largest("maestro_queue_depth", "qos_class"), "{{qos_class}}"),),
    ),
    Panel(
        "Longest wait by class",
        "Above the class's `queueAgeTargetSeconds` there are too few workers.",
        Unit.SECONDS,
        (Query(largest("maestro_queue_oldest_seconds", "qos_class"), "{{qos_class}}"),),
    ),
    Panel(
        "Starts refused",
        "By class and reason: over a budget, or the queue is too deep or too old.",
        Unit.PER_SECOND,
        (Query(rate("maestro_admission_refusals_total", "qos_class, reason"), "{{qos_class}} {{reason}}"),),
    ),
)
_STREAMS: Final = (
    Panel(
        "Rings sent and read",
        "Messages of the dispatch streams. Redis is only the bell: a lost ring costs seconds, never work.",
        Unit.PER_SECOND,
        (
            Query(rate("messaging_client_sent_messages_total"), "sent"),
            Query(rate("messaging_client_consumed_messages_total"), "read"),
        ),
    ),
    Panel(
        "Time to take a batch in hand",
        "From messages read to their executions being claimed.",
        Unit.SECONDS,
        quantiles("messaging_process_duration_seconds"),
    ),
    Panel(
        "Redis does not answer",
        "Commands that failed, by operation.",
        Unit.PER_SECOND,
        (Query(rate("maestro_redis_failures_total", "operation"), "{{operation}}"),),
    ),
)
_WORKERS: Final = (
    Panel(
        "Executions held",
        "In the memory of each worker.",
        Unit.COUNT,
        (Query(total("maestro_worker_executions_held", "instance", 'job="maestro-worker"'), "{{instance}}"),),
    ),
    Panel(
        "Attempts out",
        "Attempts that run or wait for room, by worker.",
        Unit.COUNT,
        (Query(total("maestro_worker_attempts_out", "instance", 'job="maestro-worker"'), "{{instance}}"),),
    ),
    Panel(
        "Leases",
        "Lost: a worker was too slow to renew its right. Rescued: a worker is gone and another goes on.",
        Unit.PER_SECOND,
        (
            Query(rate("maestro_leases_lost_total"), "lost"),
            Query(rate("maestro_leases_rescued_total"), "rescued"),
        ),
    ),
)
_COMMITS: Final = (
    Panel(
        "Commits waiting",
        "Checkpoints that wait for their worker's writer. It grows when PostgreSQL is at its limit.",
        Unit.COUNT,
        (Query(total("maestro_worker_commits_waiting", "instance", 'job="maestro-worker"'), "{{instance}}"),),
    ),
    Panel(
        "Executions a commit",
        "How many share one transaction: more under load, one when there is little to do.",
        Unit.COUNT,
        (
            Query(mean("maestro_commit_batch_size"), "mean"),
            Query(quantile(0.99, "maestro_commit_batch_size"), "p99"),
        ),
    ),
    Panel(
        "Late wake-ups of workers",
        "How late the event loop wakes a sleeper. Growing: the process needs a core that it does not get.",
        Unit.SECONDS,
        (Query(quantile(0.99, "maestro_event_loop_lag_seconds", "instance", 'job="maestro-worker"'), "{{instance}}"),),
    ),
)

BOARD: Final = Board(
    "queue-and-workers",
    "Maestro: Queue and workers",
    "What waits, how it reaches workers, and what keeps them busy.",
    (
        Section("Queue", _QUEUE),
        Section("Streams", _STREAMS),
        Section("Workers", _WORKERS),
        Section("Commits", _COMMITS),
    ),
)
