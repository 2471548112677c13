"""`transform`: a JMESPath expression or a template, from values to a value."""

from collections import OrderedDict
from collections.abc import Callable

from engine.actions.expressions import MAX_EXPRESSION_CHARS, ExpressionError, check_expression, compile_expression
from engine.actions.interface import ActionContext, Effect, Failed, Result, Succeeded, config_invalid
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject

_KEPT_EXPRESSIONS = 512
_SYNTAX_HINT = "Write a JMESPath expression over `input`, such as items[?price > `10`].name (jmespath.org)."

_CONFIG_SCHEMA: JsonObject = {
    "title": "Transform",
    "description": (
        "Makes a value from values: by a JMESPath `expression` over `input`, or by a `template`, "
        "which is any JSON value with templates in its strings. The value is the step's output."
    ),
    "type": "object",
    "properties": {
        "expression": {
            "title": "Expression",
            "description": "JMESPath. At most 4,096 characters; its work and its result are bounded.",
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_EXPRESSION_CHARS,
        },
        "input": {
            "title": "Input",
            "description": "What the expression reads, usually a template; the step's input where it is absent.",
        },
        "template": {
            "title": "Template",
            "description": "Any JSON value; templates in its strings are filled in from the context.",
        },
    },
    "oneOf": [
        {"required": ["expression"]},
        {"required": ["template"], "not": {"required": ["input"]}},
    ],
    "additionalProperties": False,
}


class Transform:
    """Reshapes data. No code of the author's is ever run, and the work is bounded (see `expressions`)."""

    name = "transform"
    effect = Effect.NONE
    config_schema = _CONFIG_SCHEMA

    def __init__(self) -> None:
        self._compiled: OrderedDict[str, Callable[[Json], Json]] = OrderedDict()

    def compute(self, context: ActionContext) -> Result:
        """The value made; `transform.failed` when the expression does not fit its data or costs too much."""
        config = context.config
        if "template" in config:
            return Succeeded(config["template"])
        expression = config.get("expression")
        if not isinstance(expression, str):
            message = "A transform takes either an expression (a string) or a template."
            return config_invalid((Fault("action.config_invalid", "/expression", message, "Give one of the two."),))
        try:
            evaluate = self._expression(expression)
            return Succeeded(evaluate(config.get("input", context.input)))
        except ExpressionError as exc:
            return Failed(code="transform.failed", message=str(exc))

    def config_faults(self, config: JsonObject) -> tuple[Fault, ...]:
        """An expression that cannot be read, or calls what is no function."""
        expression = config.get("expression")
        if not isinstance(expression, str) or not expression:
            return ()
        try:
            check_expression(expression)
        except ExpressionError as exc:
            return (Fault("action.config_invalid", "/expression", str(exc), _SYNTAX_HINT),)
        return ()

    def _expression(self, text: str) -> Callable[[Json], Json]:
        kept = self._compiled.get(text)
        if kept is not None:
            self._compiled.move_to_end(text)
            return kept
        compiled = self._compiled[text] = compile_expression(text)
        if len(self._compiled) > _KEPT_EXPRESSIONS:
            self._compiled.popitem(last=False)
        return compiled
