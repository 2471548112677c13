"""One attempt of an action over a named connection: config checked, connection found, secrets masked in the result."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.actions.connections.masking import Masker
from engine.actions.connections.secrets import texts
from engine.actions.connections.values import Connection
from engine.actions.interface import ActionContext, Result, config_invalid
from engine.actions.json_schemas import CompiledSchema
from engine.actions.outbound.errors import OutboundError
from engine.actions.outbound.http import MAX_SECONDS
from engine.actions.outcomes import failed_call, failed_lookup
from engine.actions.tools import ActionTools
from engine.errors import MaestroError
from engine.jsonvalue import Json

C = TypeVar("C", bound=Connection)

# An action gives up a little before its caller does, so that the failure is its own and the breaker hears of it.
_MARGIN_MS = 100


async def attempt_over(
    tools: ActionTools,
    context: ActionContext,
    schema: CompiledSchema,
    kind: type[C],
    work: Callable[[ActionContext, C], Awaitable[Result]],
) -> Result:
    """The result of `work` over the connection that the config names; it may raise `OutboundError`.

    Nothing of the connection's secrets is in the result, also where the far side echoed them.
    """
    faults = schema.faults(context.config)
    if faults:
        return config_invalid(faults)
    try:
        connection = await connection_of(tools, context, str(context.config["connection"]), kind)
    except OutboundError as exc:
        return failed_call(exc, context)
    except MaestroError as exc:
        return failed_lookup(exc)
    masker = Masker(texts(connection.secrets))
    try:
        return masker.result(await work(context, connection))
    except OutboundError as exc:
        return masker.result(failed_call(exc, context))


async def connection_of(tools: ActionTools, context: ActionContext, name: str, kind: type[C]) -> C:
    """The connection that a step names.

    Raises:
        NotFound, Unavailable: see `ConnectionResolver`.
        OutboundError: it is of another kind.
    """
    connection = await tools.connections.resolve(context.tenant, name)
    if not isinstance(connection, kind):
        raise OutboundError(
            "connection.wrong_kind", f"The connection {name!r} is of a kind that this action cannot use."
        )
    return connection


def seconds_for(context: ActionContext, timeout_ms: Json = None) -> float:
    """How long a call may take: what the config says, within the step's timeout and the guard's limit."""
    limits = [MAX_SECONDS]
    if isinstance(timeout_ms, int):
        limits.append(timeout_ms / 1000)
    if context.timeout_ms is not None:
        limits.append(max(context.timeout_ms - _MARGIN_MS, context.timeout_ms / 2) / 1000)
    return min(limits)
