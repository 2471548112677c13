"""What actions work with: the ways out of the process, shared by all actions of it."""

from dataclasses import dataclass

from engine.actions.connections.values import ConnectionResolver
from engine.actions.database_pools import DatabasePools
from engine.actions.outbound.allow import AllowList
from engine.actions.outbound.circuits import Circuits
from engine.actions.outbound.guard import OutboundGuard, Resolver, SystemResolver
from engine.actions.outbound.http import HttpClient
from engine.actions.outbound.traffic import Traffic
from engine.clock import Clock


@dataclass(frozen=True, slots=True)
class ActionTools:
    """Given to every action that reaches out, the ones of installed packages included.

    Whatever opens a connection must go through `guard` (and `traffic`); `http` and `databases` do.
    """

    guard: OutboundGuard
    traffic: Traffic
    http: HttpClient
    databases: DatabasePools
    connections: ConnectionResolver
    clock: Clock
    resolver: Resolver

    async def close(self) -> None:
        """Close pooled connections; look-ups that hang are not waited for."""
        await self.http.close()
        await self.databases.close()
        if isinstance(self.resolver, SystemResolver):
            self.resolver.close()


def make_tools(
    allow: AllowList,
    connections: ConnectionResolver,
    clock: Clock,
    *,
    resolver: Resolver | None = None,
    enforce_guard: bool = True,
) -> ActionTools:
    """Tools of one process. `resolver`: how names are looked up, the system's way by default."""
    looked_up_by = resolver or SystemResolver()
    guard = OutboundGuard(allow, looked_up_by, enforce=enforce_guard)
    traffic = Traffic(Circuits(clock), clock)
    http, databases = HttpClient(guard, traffic), DatabasePools(guard)
    return ActionTools(guard, traffic, http, databases, connections, clock, looked_up_by)
