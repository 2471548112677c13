"""Topics of the outbox on which the rest of the world hears of tasks that take too long."""

from typing import Final

SLA_WARNING: Final = "human_task.sla_warning"
"""A share of a clock's time is over."""
SLA_BREACHED: Final = "human_task.sla_breached"
"""A clock's time is over, or its goal was reached too late."""
ESCALATED: Final = "human_task.escalated"
"""A level of escalation has come, by its timer or by a person."""
TASK_TOPICS: Final = (SLA_WARNING, SLA_BREACHED, ESCALATED)
