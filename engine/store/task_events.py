"""Topics of the outbox on which the world hears of tasks: that they are there, take too long, have ended."""

from typing import Final

CREATED: Final = "human_task.created"
"""Somebody is asked for something."""
SLA_WARNING: Final = "human_task.sla_warning"
"""A share of a clock's time is over."""
SLA_BREACHED: Final = "human_task.sla_breached"
"""A clock's time is over, or its goal was reached too late."""
ESCALATED: Final = "human_task.escalated"
"""A level of escalation has come, by its timer or by a person."""
OBSOLETE: Final = "human_task.obsolete"
"""Its execution no longer needs it."""
ENDED: Final = (
    "human_task.completed",
    "human_task.failed",
    "human_task.cancelled",
    "human_task.skipped",
    OBSOLETE,
)
"""It has ended, one topic for each final state."""
TASK_TOPICS: Final = (CREATED, SLA_WARNING, SLA_BREACHED, ESCALATED, *ENDED)
