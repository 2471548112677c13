"""Series that show 0 before the first event.

A counter whose first sample is already 1 hides that event from every rate, and a panel without series looks broken
rather than calm. Labels with a closed set of values are therefore shown from the start of a process.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import Counter, Gauge

from engine.actions.outbound.circuits import CircuitState
from engine.actions.outbound.metrics import CIRCUIT_CHANGES, CIRCUITS
from engine.qos.classes import CLASSES
from engine.qos.file import ADDRESS, WEBHOOK
from engine.runtime.states import ExecutionStatus
from engine.services.dead_letter_values import DeadLetterKind
from engine.tasks.clocks import Clock
from engine.tasks.states import TaskOperation
from engine.telemetry import metrics
from engine.triggers.callbacks import Verdict
from engine.triggers.metrics import EVENTS, RECONCILED, TICKS
from engine.triggers.outcomes import Outcome
from engine.triggers.ticks import STARTED, TickStatus

_NOT_CLOSED: Final = (CircuitState.OPEN, CircuitState.HALF_OPEN)
_BUDGETS: Final = (ADDRESS.name, WEBHOOK.name, *(each.requests.name for each in CLASSES.values()))
_SETS: Final[Sequence[tuple[Counter | Gauge, Iterable[str]]]] = (
    (CIRCUITS, _NOT_CLOSED),
    (CIRCUIT_CHANGES, CircuitState),
    (EVENTS, ("started", "woken", "refused")),
    (RECONCILED, ("created", "updated", "removed")),
    (TICKS, (*STARTED, TickStatus.SKIPPED, TickStatus.MISSED)),
    (metrics.CALLBACK_ATTEMPTS, Verdict),
    (metrics.DEAD_LETTERS, DeadLetterKind),
    (metrics.EXECUTIONS_ENDED, (status for status in ExecutionStatus if status.is_final)),
    (metrics.HUMAN_TASK_OPERATIONS, TaskOperation),
    (metrics.HUMAN_TASK_SLA_BREACHES, Clock),
    (metrics.NOTIFICATIONS, ("sent", "later", "failed")),
    (metrics.POLICY_RELOADS, ("accepted", "refused")),
    (metrics.QOS_RELOADS, ("accepted", "refused")),
    (metrics.RATE_LIMITED, _BUDGETS),
    (metrics.WEBHOOK_DELIVERIES, (*Outcome, "unauthenticated", "stale", "limited_address")),
)
_REFUSALS: Final = ("requests", "executions", "queue-depth", "queue-age")


def show_zeroes() -> None:
    """Show every series of a closed set, before anything has happened."""
    for instrument, values in _SETS:
        for value in values:
            instrument.labels(value)
    for name in CLASSES:
        for reason in _REFUSALS:
            metrics.ADMISSION_REFUSALS.labels(name, reason)
