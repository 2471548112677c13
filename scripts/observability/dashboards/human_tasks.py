"""People's work and its clocks."""

from typing import Final

from scripts.observability.dashboards.model import Board, Kind, Panel, Query, Section, Unit
from scripts.observability.dashboards.queries import largest, rate, series, share

_OPERATIONS: Final = "maestro_human_task_operations_total"
_CREATED: Final = 'operation="create"'
_COMPLETION: Final = 'clock="completion"'
_BREACHES: Final = "maestro_human_task_sla_breaches_total"

_NOW: Final = (
    Panel(
        "Open",
        "Tasks that are not closed.",
        Unit.COUNT,
        (Query(f"sum({largest('maestro_human_tasks_open', 'status')})", "open"),),
        Kind.NUMBER,
    ),
    Panel(
        "Open and breached",
        "Open tasks that have missed the end of a clock.",
        Unit.COUNT,
        (Query(largest("maestro_human_tasks_breached"), "breached"),),
        Kind.NUMBER,
    ),
    # A fixed day, whatever range is shown: people finish tasks in hours, and over less the share is of hardly any.
    Panel(
        "Breached in the last day",
        "Ends of completion clocks that were missed, to tasks created.",
        Unit.SHARE,
        (
            Query(
                share(
                    f"sum(increase({series(_BREACHES, _COMPLETION)}[1d]))",
                    f"sum(increase({series(_OPERATIONS, _CREATED)}[1d]))",
                ),
                "breached",
            ),
        ),
        Kind.NUMBER,
    ),
)
_WORK: Final = (
    Panel(
        "Open by status",
        "Pending tasks wait for somebody to claim them.",
        Unit.COUNT,
        (Query(largest("maestro_human_tasks_open", "status"), "{{status}}"),),
    ),
    Panel(
        "Created and closed",
        "While more are created than closed, people do not keep up.",
        Unit.PER_SECOND,
        (
            Query(rate(_OPERATIONS, "", _CREATED), "created"),
            Query(rate(_OPERATIONS, "", 'operation=~"complete|fail|cancel|skip|obsolete"'), "closed"),
        ),
    ),
    Panel(
        "What is done",
        "Operations on tasks.",
        Unit.PER_SECOND,
        (Query(rate(_OPERATIONS, "operation"), "{{operation}}"),),
    ),
)
_CLOCKS: Final = (
    Panel(
        "Breaches by clock",
        "`start`: nobody began in time. `completion`: it was not done in time.",
        Unit.PER_SECOND,
        (Query(rate(_BREACHES, "clock"), "{{clock}}"),),
    ),
    Panel(
        "Escalations",
        "Tasks that were handed up because of their clocks.",
        Unit.PER_SECOND,
        (Query(rate("maestro_human_task_escalations_total"), "escalations"),),
    ),
    Panel(
        "Notifications",
        "Attempts to send one, by outcome.",
        Unit.PER_SECOND,
        (Query(rate("maestro_notifications_total", "outcome"), "{{outcome}}"),),
    ),
)

BOARD: Final = Board(
    "human-tasks",
    "Maestro: Human tasks and SLAs",
    "Tasks of people: how many are open, how they move, which clocks were missed.",
    (Section("Now", _NOW), Section("Work", _WORK), Section("Clocks", _CLOCKS)),
)
