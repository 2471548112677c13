"""Events on their way to callbacks. For the loops' role; who sends them is `workers.callbacks`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.store.hot import HotConnection
from engine.store.statements import load
from engine.telemetry.metrics import DEAD_LETTERS

_SQL = load("callbacks")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that callbacks may want to hear of.

    Attributes:
        id: of the outbox row; the same event twice makes no second delivery.
        payload: the body that is sent, JSON text.
    """

    tenant: str
    id: UUID
    type: str
    workflow_id: UUID | None
    payload: str


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose time has come, with the callback that it is for.

    Attributes:
        attempts: failed ones so far.
        is_active: False: the callback was disabled in the meantime.
    """

    tenant: str
    id: UUID
    callback_id: UUID
    event_type: str
    payload: str
    attempts: int
    url: str
    is_active: bool
    key_id: str
    nonce: bytes
    ciphertext: bytes


async def fan_out(connection: HotConnection, events: Sequence[Event]) -> int:
    """Make deliveries of events for all callbacks that want them. How many are new."""
    if not events:
        return 0
    rows = [(e.tenant, e.id, e.type, e.workflow_id, e.payload) for e in events]
    return len(await connection.fetch(_SQL["fan_out"], *(list(column) for column in zip(*rows, strict=True))))


async def take(
    connection: HotConnection,
    limit: int,
    hide_s: float,
    passed_over: Collection[UUID] = (),
    now: datetime | None = None,
) -> tuple[Due, ...]:
    """Due deliveries of all callbacks but those passed over, hidden from other workers for `hide_s`."""
    rows = await connection.fetch(_SQL["take"], limit, hide_s, now, list(passed_over))
    return tuple(
        Due(
            tenant=row["tenant_id"],
            id=row["id"],
            callback_id=row["callback_id"],
            event_type=row["event_type"],
            payload=row["payload"],
            attempts=row["attempts"],
            url=row["url"],
            is_active=row["status"] == "active",
            key_id=row["key_id"],
            nonce=row["nonce"],
            ciphertext=row["ciphertext"],
        )
        for row in rows
    )


async def delivered(connection: HotConnection, due: Due, status: int) -> None:
    """It has arrived."""
    await connection.fetch(_SQL["delivered"], due.tenant, due.id, status)


async def postpone(
    connection: HotConnection, due: Due, status: int | None, error: str, delay_s: float, now: datetime | None = None
) -> None:
    """It has not arrived; another attempt is made after `delay_s`."""
    await connection.fetch(_SQL["postpone"], due.tenant, due.id, status, error[:1000], delay_s, now)


async def snooze(connection: HotConnection, due: Due, error: str, delay_s: float, now: datetime | None = None) -> None:
    """Nothing was sent; look again after `delay_s`, without an attempt spent."""
    await connection.fetch(_SQL["snooze"], due.tenant, due.id, error[:1000], delay_s, now)


async def give_up(connection: HotConnection, due: Due, status: int | None, error: str, letter_id: UUID) -> None:
    """It will not arrive: keep it among the dead letters."""
    kept = await connection.fetch(_SQL["give_up"], due.tenant, due.id, status, error[:1000], letter_id)
    DEAD_LETTERS.labels("callback").inc(len(kept))


async def disable(connection: HotConnection, due: Due, reason: str) -> None:
    """Send this callback nothing more."""
    await connection.fetch(_SQL["disable"], due.tenant, due.callback_id, reason)


async def next_due_in_s(connection: HotConnection, passed_over: Collection[UUID] = ()) -> float | None:
    """Seconds until the next delivery is due, callbacks passed over left out; None: nothing waits."""
    (row,) = await connection.fetch(_SQL["next_due"], list(passed_over))
    found: float | None = row["in_s"]
    return found
