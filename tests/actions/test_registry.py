from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from engine.actions.builtin import builtin_actions, load_registry
from engine.actions.interface import Action, ActionContext, Effect, InlineAction, Result, Succeeded
from engine.actions.json_schemas import compile_schema
from engine.actions.noop import Noop
from engine.actions.reference import reference_page
from engine.actions.registry import ActionRegistry, installed_actions
from engine.errors import ConfigurationError
from engine.jsonvalue import JsonObject
from tests.actions.connected import tools_allowing

PAGE = Path(__file__).parents[2] / "docs" / "actions.md"


class Greeting:
    """An action as an installed package would bring it."""

    name = "greeting"
    effect = Effect.READ

    def __init__(self, tools: object) -> None:
        self.tools = tools
        self.config_schema: JsonObject = {"type": "object"}

    async def run(self, context: ActionContext) -> Result:
        return Succeeded({"hello": context.tenant})


class Usurper(Greeting):
    name = "api"


def not_an_action(_tools: object) -> object:
    return object()


def point(name: str, target: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{target}", "maestro.actions")


async def test_the_built_in_actions_are_all_there() -> None:
    tools = tools_allowing()
    registry = load_registry(tools)
    assert {name: str(effect) for name, effect in registry.effects().items()} == {
        "api": "write",
        "database": "write",
        "email": "write",
        "jira": "write",
        "ml": "read",
        "noop": "write",
        "slack": "write",
        "transform": "none",
        "validation": "none",
    }
    assert registry.get("nope") is None
    for name in registry.names():
        action = registry.get(name)
        assert isinstance(action, (Action, InlineAction))
        compile_schema(action.config_schema)
        members = action.config_schema["properties"]
        assert isinstance(members, dict)
        assert all(isinstance(m, dict) and {"title", "description"} <= m.keys() for m in members.values())
    await tools.close()


async def test_an_installed_package_adds_an_action(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tools_allowing()
    monkeypatch.setattr(EntryPoint, "load", lambda _point: Greeting)
    (action,) = installed_actions(tools, [point("greeting", "Greeting")])
    assert isinstance(action, Greeting)
    assert action.tools is tools
    assert ActionRegistry((*builtin_actions(tools), action)).get("greeting") is action
    await tools.close()


@pytest.mark.parametrize(
    ("loaded", "reason"), [(not_an_action, "does not answer an action"), (None, "cannot be loaded")]
)
def test_a_broken_package_is_named(monkeypatch: pytest.MonkeyPatch, loaded: object, reason: str) -> None:
    monkeypatch.setattr(EntryPoint, "load", lambda _point: loaded)
    with pytest.raises(ConfigurationError, match=reason):
        installed_actions(None, [point("broken", "x")])


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ConfigurationError, match="noop"):
        ActionRegistry((Noop(), Noop()))


async def test_a_built_in_name_cannot_be_taken_over() -> None:
    tools = tools_allowing()
    with pytest.raises(ConfigurationError, match="api"):
        ActionRegistry((*builtin_actions(tools), Usurper(tools)))
    await tools.close()


async def test_the_reference_page_says_what_the_schemas_say() -> None:
    tools = tools_allowing()
    assert PAGE.read_text(encoding="utf-8") == reference_page(load_registry(tools)), "write docs/actions.md again"
    await tools.close()
