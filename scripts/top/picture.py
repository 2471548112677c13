"""What two looks at the metrics say about the time between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.runtime.states import ExecutionStatus
from scripts.top.scrape import Scrape, increase, quantile

_HTTP: Final = "http_server_request_duration_seconds"
_DELAY: Final = "maestro_execution_start_delay_seconds"
_EXECUTE: Final = "/api/workflows/{id}/execute"


@dataclass(frozen=True, slots=True)
class Queue:
    """Executions of a class that wait, and how long the oldest has, in seconds."""

    depth: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Picture:
    """The product at one time. Rates are per second, of the time since the look before.

    Attributes:
        accepted: executions that came.
        ended: executions that ended, by status.
        steps: attempts of steps that came to an outcome.
        failed_steps: those of them that failed.
        enqueue_p95_s: time to answer a call that starts an execution; `None` when there was none.
        start_p95_s: from acceptance to the first time that a worker takes an execution; `None` as above.
        server_errors: answers with 5xx.
        unfinished: executions that have not ended.
        held: executions in the memory of workers.
        attempts_out: attempts of steps that run or wait for room.
        queues: by class of service.
        dead_letters: that nobody has dealt with, by kind.
        in_doubt: steps left without a known outcome since the processes began.
        leases_lost: executions that workers lost to others since they began.
        open_tasks: human tasks that are not closed.
        processes: how many answered.
        silent: addresses that did not.
    """

    accepted: float
    ended: Mapping[str, float]
    steps: float
    failed_steps: float
    enqueue_p95_s: float | None
    start_p95_s: float | None
    server_errors: float
    unfinished: int
    held: int
    attempts_out: int
    queues: Mapping[str, Queue]
    dead_letters: Mapping[str, int]
    in_doubt: int
    leases_lost: int
    open_tasks: int
    processes: int
    silent: tuple[str, ...]


def picture_of(before: Scrape, after: Scrape) -> Picture:
    """What changed between two looks, and how things stand at the second."""
    elapsed_s = max(after.at_s - before.at_s, 1e-9)

    def rate(name: str, **labels: str) -> float:
        return increase(before, after, name, **labels) / elapsed_s

    finals = [status.value for status in ExecutionStatus if status.is_final]
    oldest = after.largest("maestro_queue_oldest_seconds", "qos_class")
    return Picture(
        accepted=rate("maestro_executions_accepted_total"),
        ended={status: rate("maestro_executions_ended_total", status=status) for status in finals},
        steps=rate("maestro_steps_total"),
        failed_steps=rate("maestro_steps_total", outcome="failed"),
        enqueue_p95_s=quantile(before, after, _HTTP, 0.95, http_route=_EXECUTE),
        start_p95_s=quantile(before, after, _DELAY, 0.95),
        server_errors=sum(rate(f"{_HTTP}_count", http_response_status_code=str(code)) for code in range(500, 506)),
        unfinished=_largest(after, "maestro_executions_unfinished"),
        held=int(after.total("maestro_worker_executions_held")),
        attempts_out=int(after.total("maestro_worker_attempts_out")),
        queues={
            name: Queue(int(depth), oldest.get(name, 0.0))
            for name, depth in after.largest("maestro_queue_depth", "qos_class").items()
        },
        dead_letters={
            kind: int(count) for kind, count in after.largest("maestro_dead_letters_open", "kind").items() if count
        },
        in_doubt=int(after.total("maestro_steps_in_doubt_total")),
        leases_lost=int(after.total("maestro_leases_lost_total")),
        open_tasks=int(sum(after.largest("maestro_human_tasks_open", "status").values())),
        processes=len(after.processes),
        silent=after.silent,
    )


def _largest(scrape: Scrape, name: str) -> int:
    return int(max(scrape.largest(name, "").values(), default=0.0))
