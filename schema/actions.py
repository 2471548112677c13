"""What steps may do."""

from enum import StrEnum

import strawberry

from schema.scalars import JSON


@strawberry.enum(description="What an action does to the outside: nothing, reads it, or changes it.")
class ActionEffect(StrEnum):
    """What an action does to the outside."""

    none = "none"
    read = "read"
    write = "write"


@strawberry.type(description="What a step may do.")
class Action:
    """What a step may do."""

    name: str = strawberry.field(description="The step's `actionType`.")
    effect: ActionEffect = strawberry.field(description="What it does to the outside.")
    config_schema: JSON = strawberry.field(description="JSON Schema (2020-12) of the step's `actionConfig`.")
