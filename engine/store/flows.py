"""The queue as dispatch and admission see it: its flows, its depth, its age."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from engine.store.claims import ExecutionRef
from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("flows")
FLOWS_AT_MOST: Final = 1_000


class Flow(NamedTuple):
    """One end of the queue: what waits in it is taken oldest first."""

    qos_class: str
    tenant: str
    priority: int


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """What waits of one class.

    Attributes:
        oldest_s: how long the oldest one has waited.
    """

    depth: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class SystemLoad:
    """How much there is to do.

    Attributes:
        queues: by class; a class of which nothing waits is not there.
        unfinished: executions by tenant.
    """

    queues: Mapping[str, QueueLoad]
    unfinished: Mapping[str, int]


async def waiting(connection: HotConnection, limit: int) -> dict[Flow, list[ExecutionRef]]:
    """The oldest `limit` waiting executions of each flow."""
    found: dict[Flow, list[ExecutionRef]] = {}
    for row in await connection.fetch(_SQL["next"], limit, FLOWS_AT_MOST):
        flow = Flow(row["qos_class"], row["tenant_id"], row["priority"])
        found.setdefault(flow, []).append(ExecutionRef(flow.tenant, row["id"]))
    return found


async def only_queued(connection: HotConnection, refs: Sequence[ExecutionRef]) -> frozenset[ExecutionRef]:
    """Which of them are in the queue and want nothing but to be taken."""
    rows = await connection.fetch(_SQL["only_queued"], [ref.tenant for ref in refs], [ref.id for ref in refs])
    return frozenset(ExecutionRef(row["tenant_id"], row["id"]) for row in rows)


async def measure(connection: HotConnection) -> SystemLoad:
    """One look at how much there is to do, in all tenants."""
    queues: dict[str, QueueLoad] = {}
    unfinished: dict[str, int] = {}
    for row in await connection.fetch(_SQL["load"]):
        if row["kind"] == "queue":
            queues[row["name"]] = QueueLoad(row["executions"], max(0.0, row["oldest_s"]))
        else:
            unfinished[row["name"]] = row["executions"]
    return SystemLoad(queues, unfinished)
