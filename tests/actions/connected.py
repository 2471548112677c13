"""Tools and contexts for the tests of actions, and how to read their results."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from engine.actions.connections.building import build_connection
from engine.actions.connections.values import Connection, ConnectionKind, ConnectionReference
from engine.actions.interface import ActionContext, Failed, Result, Succeeded
from engine.actions.outbound.allow import AllowList
from engine.actions.tools import ActionTools, make_tools
from engine.clock import Clock, SystemClock
from engine.definitions.model import Delivery
from engine.errors import NotFound
from engine.jsonvalue import Json, JsonObject

EXECUTION = UUID("01890000-0000-7000-8000-000000000001")
KEY = f"{EXECUTION}:step:-:0"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Connections:
    """Resolves from a mapping, as the store's resolver does from its table."""

    def __init__(self, known: Mapping[str, Connection] | None = None) -> None:
        self.known = dict(known or {})

    def add(self, name: str, kind: ConnectionKind, settings: JsonObject, secrets: JsonObject | None = None) -> None:
        self.known[name] = build_connection(kind, ConnectionReference("acme", name), settings, secrets or {})

    async def resolve(self, tenant: str, name: str) -> Connection:
        found = self.known.get(name)
        if found is None or found.reference.tenant != tenant:
            raise NotFound("connection", name)
        return found


class Names:
    """A name server: each look-up of a name takes the next of its answers, the last one for ever."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(found) for name, found in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        found = self._answers.get(host)
        if found is None:
            raise OSError(host)
        return found.pop(0) if len(found) > 1 else found[0]


def tools_allowing(
    *allowed: str, connections: Connections | None = None, names: Names | None = None, clock: Clock | None = None
) -> ActionTools:
    return make_tools(AllowList.parse(allowed), connections or Connections(), clock or SystemClock(), resolver=names)


def context_of(
    config: JsonObject, *, attempt: int = 1, given: Json = None, at_most_once: bool = False
) -> ActionContext:
    return ActionContext(
        tenant="acme",
        execution_id=EXECUTION,
        step_path="step",
        iteration="",
        attempt=attempt,
        config=config,
        input=given,
        idempotency_key=KEY,
        delivery=Delivery.AT_MOST_ONCE if at_most_once else Delivery.EFFECTIVELY_ONCE,
        timeout_ms=60_000,
        traceparent=TRACE,
    )


def output(result: Result) -> JsonObject:
    """The output of what went well, an object."""
    assert isinstance(result, Succeeded), result
    assert isinstance(result.output, dict)
    return result.output


def failure(result: Result) -> Failed:
    """The failure of what went wrong."""
    assert isinstance(result, Failed), result
    return result
