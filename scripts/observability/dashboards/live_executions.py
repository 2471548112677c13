"""What runs now, and how it comes and goes."""

from typing import Final

from scripts.observability.dashboards.model import Board, Kind, Panel, Query, Section, Unit
from scripts.observability.dashboards.queries import largest, quantile, rate, series, total

_DELAY: Final = "maestro_execution_start_delay_seconds"
_QUEUED: Final = f"sum(max by (qos_class) ({series('maestro_queue_depth')}))"

_NOW: Final = (
    Panel(
        "Unfinished",
        "Accepted and not ended: waiting, running, paused.",
        Unit.COUNT,
        (Query(largest("maestro_executions_unfinished"), "unfinished"),),
        Kind.NUMBER,
    ),
    Panel(
        "In the queue",
        "Waiting for a worker.",
        Unit.COUNT,
        (Query(_QUEUED, "queued"),),
        Kind.NUMBER,
    ),
    Panel(
        "In workers' hands",
        "Held in the memory of workers; the rest is parked on timers, people and signals, or waits.",
        Unit.COUNT,
        (Query(total("maestro_worker_executions_held"), "held"),),
        Kind.NUMBER,
    ),
    Panel(
        "Dead letters",
        "Given up and kept for a person.",
        Unit.COUNT,
        (Query(f"sum({largest('maestro_dead_letters_open', 'kind')})", "open"),),
        Kind.NUMBER,
    ),
)
_FLOW: Final = (
    Panel(
        "Accepted and ended",
        "While more are accepted than end, work piles up.",
        Unit.PER_SECOND,
        (
            Query(rate("maestro_executions_accepted_total"), "accepted"),
            Query(rate("maestro_executions_ended_total", "status"), "{{status}}"),
        ),
    ),
    Panel(
        "Until a worker takes it",
        "From acceptance to the first time that a worker takes an execution, by class.",
        Unit.SECONDS,
        (
            Query(quantile(0.5, _DELAY, "qos_class"), "p50 {{qos_class}}"),
            Query(quantile(0.99, _DELAY, "qos_class"), "p99 {{qos_class}}"),
        ),
    ),
)
_TROUBLE: Final = (
    Panel(
        "Failed and cancelled",
        "Executions that did not complete, a second.",
        Unit.PER_SECOND,
        (Query(rate("maestro_executions_ended_total", "status", 'status=~"failed|cancelled"'), "{{status}}"),),
    ),
    Panel(
        "Steps in doubt",
        "Steps that a crash left without a known outcome, a second: a person or the step's own rule decides.",
        Unit.PER_SECOND,
        (Query(rate("maestro_steps_in_doubt_total"), "in doubt"),),
    ),
    Panel(
        "Dead letters by kind",
        "Each waits for a person: mend the cause, then redrive it.",
        Unit.COUNT,
        (Query(largest("maestro_dead_letters_open", "kind"), "{{kind}}"),),
    ),
)

BOARD: Final = Board(
    "live-executions",
    "Maestro: Live executions",
    "Executions that are unfinished now, how they come and go, and what went wrong with them.",
    (Section("Now", _NOW), Section("Flow", _FLOW), Section("Trouble", _TROUBLE)),
)
