"""What identifiers in paths name."""

from enum import StrEnum


class Noun(StrEnum):
    """What an identifier in a path names."""

    WORKFLOW = "workflow"
    EXECUTION = "execution"
    HUMAN_TASK = "human_task"
    TEMPLATE = "workflow_template"
    DEAD_LETTER = "dead_letter"
    SCHEDULE = "schedule"
    WEBHOOK_SECRET = "webhook_secret"  # noqa: S105 - a noun
    WEBHOOK_DELIVERY = "webhook_delivery"
    CALLBACK = "callback"
