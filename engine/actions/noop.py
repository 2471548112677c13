"""`noop`: the action that does nothing, declared as a write, so that it takes the whole durable path."""

from engine.actions.interface import ActionContext, Effect, Result, Succeeded
from engine.actions.json_schemas import closed_object
from engine.jsonvalue import JsonObject


class Noop:
    """Does nothing and answers `{}`: for measuring, and for holding a place in a draft."""

    name = "noop"
    effect = Effect.WRITE
    config_schema: JsonObject = closed_object(
        {}, title="No operation", description="Does nothing; its output is an empty object. It takes no config."
    )

    def compute(self, context: ActionContext) -> Result:  # noqa: ARG002 - the interface of all actions
        """The empty object; what the config holds was refused before the workflow was published."""
        return Succeeded({})
