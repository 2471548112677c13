"""What steps may do."""

import strawberry

from schema.enums import ExplainedEnum, enum
from schema.scalars import JSON


@enum("What an action does to the outside: nothing, reads it, or changes it.")
class ActionEffect(ExplainedEnum):
    none = "none", "A computation; runs of such steps share a commit."
    read = "read", "It looks, and may be repeated freely."
    write = "write", "It may change something: its intent is recorded before, its outcome after."


@strawberry.type(description="What a step may do.")
class Action:
    name: str = strawberry.field(description="The step's `actionType`.")
    effect: ActionEffect = strawberry.field(description="What it does to the outside.")
    config_schema: JSON = strawberry.field(description="JSON Schema (2020-12) of the step's `actionConfig`.")
