"""Short ways to write definitions for tests of the runtime."""

from engine.definitions.building import build_definition
from engine.definitions.catalogue import ActionCatalogue, ActionEffect, ActionEntry
from engine.jsonvalue import Json, JsonObject
from engine.runtime.plan import Plan, compile_plan

CATALOGUE = ActionCatalogue.of(
    ActionEntry("noop", {}, ActionEffect.WRITE),
    ActionEntry("look", {}, ActionEffect.READ),
)


def plan_of(*steps: JsonObject, settings: JsonObject | None = None) -> Plan:
    document: JsonObject = {"name": "test", "steps": list(steps), "settings": settings or {}}
    return compile_plan(build_definition(document, CATALOGUE))


def edge(target: str, condition: str = "success", custom: JsonObject | None = None) -> JsonObject:
    found: JsonObject = {"targetStepId": target, "condition": condition}
    if custom is not None:
        found["customCondition"] = custom
    return found


def step(
    step_id: str, step_type: str, to: tuple[str | JsonObject, ...], config: JsonObject, **rest: Json
) -> JsonObject:
    connections: list[Json] = [edge(target) if isinstance(target, str) else target for target in to]
    return {"id": step_id, "type": step_type, "config": config, "connections": connections, **rest}


def action(step_id: str, *to: str | JsonObject, config: JsonObject | None = None, **rest: Json) -> JsonObject:
    return step(step_id, "action", to, {"actionType": "noop", **(config or {})}, **rest)


def condition(step_id: str, test: JsonObject, *to: str | JsonObject, **rest: Json) -> JsonObject:
    return step(step_id, "condition", to, {"condition": test}, **rest)


def parallel(step_id: str, *to: str | JsonObject, **rest: Json) -> JsonObject:
    return step(step_id, "parallel", to, {}, **rest)


def loop(step_id: str, over: str, body: list[JsonObject], *to: str | JsonObject, **config: Json) -> JsonObject:
    return step(step_id, "loop", to, {"iterateOver": over, "body": list(body), **config})


def typed(step_id: str, step_type: str, config: JsonObject, *to: str | JsonObject, **rest: Json) -> JsonObject:
    return step(step_id, step_type, to, config, **rest)


def is_true(field: str) -> JsonObject:
    return {"field": field, "operator": "eq", "value": True}


def equals(field: str, value: Json) -> JsonObject:
    return {"field": field, "operator": "eq", "value": value}
