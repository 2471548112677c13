"""What a definition's check asks the actions themselves: expressions and schemas that no action could ever use."""

from collections.abc import AsyncIterator

import pytest

from engine.actions.builtin import load_registry
from engine.definitions.catalogue import ActionCatalogue
from engine.definitions.checking import check
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject
from tests.actions.connected import tools_allowing

CONFIG = "/steps/0/config/actionConfig"
FOREIGN: JsonObject = {"$ref": "https://example.org/schema"}


@pytest.fixture
async def catalogue() -> AsyncIterator[ActionCatalogue]:
    tools = tools_allowing()
    yield load_registry(tools).catalogue()
    await tools.close()


def faults(catalogue: ActionCatalogue, action: str, **config: Json) -> tuple[Fault, ...]:
    step: JsonObject = {"id": "a", "type": "action", "config": {"actionType": action, "actionConfig": config}}
    return check({"name": "n", "steps": [step]}, catalogue).faults


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("items[", "Step 'a': The expression cannot be read: Invalid jmespath expression: Incomplete expression."),
        ("a b", 'Unexpected token: b: Parse error at column 2, token "b" (UNQUOTED_IDENTIFIER).'),
        (" ", "cannot be read"),
        ("[" * 3000, "nested too deeply."),
        (r"\{{a}}", "cannot be read"),
        ("a || [?lenght(@) > `1`]", "calls lenght(), which is no function of JMESPath; did you mean length()?"),
        ("{x: sort_by(items, &nothing(@))}", "calls nothing(), which is no function of JMESPath."),
        ("contains(names)", "calls contains() with another number of arguments (1) than it takes (2)."),
        ("merge()", "calls merge() with another number of arguments (0) than it takes (at least 1)."),
    ],
)
def test_an_expression_that_cannot_be_read_is_a_fault(catalogue: ActionCatalogue, expression: str, said: str) -> None:
    [found] = faults(catalogue, "transform", expression=expression, input="{{triggerData}}")

    assert (found.code, found.path) == ("action.config_invalid", f"{CONFIG}/expression")
    assert said in found.message
    assert "jmespath.org" in found.hint


@pytest.mark.parametrize(
    "expression",
    ["items[?n > `1`].name[0:2]", "not_null(a, b, merge(@, c))", "{{variables.expression}}", "a[{{variables.n}}]"],
)
def test_one_that_can_be_read_or_is_not_known_yet_is_none(catalogue: ActionCatalogue, expression: str) -> None:
    assert faults(catalogue, "transform", expression=expression) == ()


def test_braces_that_are_meant_literally_are_read_as_the_action_will_get_them(catalogue: ActionCatalogue) -> None:
    assert faults(catalogue, "transform", expression=r"join('\{{', names)") == ()


def test_faults_of_the_schema_and_of_the_expression_come_at_once(catalogue: ActionCatalogue) -> None:
    found = faults(catalogue, "transform", expression="a[", inputs={})

    assert [fault.path for fault in found] == [f"{CONFIG}/inputs", f"{CONFIG}/expression"]


@pytest.mark.parametrize(("action", "member"), [("validation", "schema"), ("ml", "expect")])
@pytest.mark.parametrize("schema", [{"type": "strange"}, {"pattern": "("}, FOREIGN])
def test_a_schema_that_cannot_be_used_is_a_fault(
    catalogue: ActionCatalogue, action: str, member: str, schema: JsonObject
) -> None:
    more: JsonObject = {"connection": "models"} if action == "ml" else {}

    def of(given: JsonObject) -> tuple[Fault, ...]:
        return faults(catalogue, action, **{member: given}, **more)

    [found] = of(schema)

    assert (found.code, found.path) == ("action.config_invalid", f"{CONFIG}/{member}")
    assert of({"type": "object"}) == of({"const": "{{variables.x}}"}) == ()


def test_a_probe_and_a_notification_are_asked_too(catalogue: ActionCatalogue) -> None:
    bad: JsonObject = {"actionType": "transform", "actionConfig": {"expression": "a["}}
    probe: JsonObject = {**bad, "happened": {"field": "x", "operator": "exists", "value": True}}
    config: JsonObject = {"actionType": "noop", "delivery": "at_most_once", "probe": probe}
    step: JsonObject = {"id": "a", "type": "action", "config": config}
    document: JsonObject = {"name": "n", "steps": [step], "settings": {"notifications": {"onError": bad}}}

    assert [fault.path for fault in check(document, catalogue).faults] == [
        "/steps/0/config/probe/actionConfig/expression",
        "/settings/notifications/onError/actionConfig/expression",
    ]
