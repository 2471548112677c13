"""The sweep: one read a second that finds whatever waits and was not rung, or was left behind by a dead worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.store.claims import ExecutionRef
from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("sweeps")


@dataclass(frozen=True, slots=True)
class Findings:
    """What one look found.

    Attributes:
        unrung: executions queued for too long.
        unread: executions whose mail waits too long, with the worker that holds them (None: nobody).
        orphans: executions held by workers whose lease has run out.
        next_timer_in_s: until the next timer is due, negative when it is overdue; None: there is none.
        next_lease_in_s: until the first lease of another worker runs out, should that worker be dead; None: no other.
        topics: of the outbox that have something to publish.
        next_tick_in_s: until the next tick of any schedule is due, negative when it is overdue; None: there is none.
        holds_ticks: some tick waits for its turn.
        uses_slots: some workflow limits how many of its executions run at once, and has some.
    """

    unrung: tuple[ExecutionRef, ...]
    unread: tuple[tuple[ExecutionRef, UUID | None], ...]
    orphans: tuple[ExecutionRef, ...]
    next_timer_in_s: float | None
    next_lease_in_s: float | None
    topics: tuple[str, ...]
    next_tick_in_s: float | None
    holds_ticks: bool
    uses_slots: bool


async def look(
    connection: HotConnection,
    worker_id: UUID,
    *,
    older_than_s: float,
    limit: int,
    timer_kinds: Sequence[str],
    topics: Sequence[str],
) -> Findings:
    """One look, at most `limit` executions of each kind."""
    rows = await connection.fetch(_SQL["look"], worker_id, older_than_s, limit, list(timer_kinds), list(topics))
    by_why: dict[str, list[ExecutionRef]] = {"queued": [], "orphan": []}
    unread: dict[ExecutionRef, UUID | None] = {}
    next_in_s: dict[str, float | None] = {}
    waiting: list[str] = []
    signs: set[str] = set()
    for row in rows:
        match row["why"]:
            case "timer" | "lease" | "tick" as why:
                next_in_s[why] = row["in_s"]
            case "turn" | "slots" as sign:
                signs.add(sign)
            case "outbox":
                waiting.append(row["tenant_id"])
            case "mail":
                unread[ExecutionRef(row["tenant_id"], row["id"])] = row["owner"]
            case why:
                by_why[why].append(ExecutionRef(row["tenant_id"], row["id"]))
    return Findings(
        unrung=tuple(by_why["queued"]),
        unread=tuple(unread.items()),
        orphans=tuple(by_why["orphan"]),
        next_timer_in_s=next_in_s.get("timer"),
        next_lease_in_s=next_in_s.get("lease"),
        topics=tuple(waiting),
        next_tick_in_s=next_in_s.get("tick"),
        holds_ticks="turn" in signs,
        uses_slots="slots" in signs,
    )
