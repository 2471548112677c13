"""Callbacks: events become deliveries, deliveries become signed requests, until each has arrived or was given up."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from engine.actions.connections.secret_box import Sealed, SecretBox
from engine.actions.outbound.errors import OutboundError
from engine.actions.outbound.http import HttpClient
from engine.actions.outbound.requests import HttpRequest
from engine.clock import Clock, rfc3339
from engine.errors import Unavailable
from engine.services.callbacks import place_of
from engine.store import callback_deliveries, engine_events, webhook_deliveries
from engine.store.callback_deliveries import Due, Event
from engine.store.hot import HotConnection
from engine.store.outbox import EXECUTION_EVENT, EXECUTION_NOTICE, Parcel
from engine.store.task_events import TASK_TOPICS
from engine.telemetry.metrics import CALLBACK_ATTEMPTS
from engine.triggers.callbacks import (
    GONE,
    TIMEOUT_S,
    Verdict,
    judge,
    message_of,
    retry_after_s,
    signed_headers,
    unpack,
    wait_s,
)
from workers.notifications import NOTIFYING_TOPICS, ask_for

_log = logging.getLogger(__name__)

AT_ONCE: Final = 32
"""Attempts that are under way at once."""
SHARE: Final = 4
"""Of these, about how many one callback may have: a receiver that is slow or away holds up nobody else's."""
HIDDEN_S: Final = 60.0
"""Longer than an attempt may take: a worker that dies with one leaves it to the others after this."""
SNOOZE_S: Final = 5.0
_HELD: Final = frozenset({"outbound.circuit_open", "outbound.saturated"})
LOOK_AGAIN_S: Final = 15.0
KEPT_S: Final = 30 * 86_400.0
FORGET_EVERY_S: Final = 600.0

EVENT_TOPICS: Final = (EXECUTION_EVENT, EXECUTION_NOTICE, *TASK_TOPICS)


@dataclass(frozen=True, slots=True)
class Way:
    """How requests leave, and what opens the secrets that sign them."""

    http: HttpClient
    box: SecretBox


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a receiver said; `status` None: nothing.

    Attributes:
        was_held: the request never left, because too many others had failed or were out.
    """

    status: int | None
    error: str
    retry_after_s: float | None = None
    was_held: bool = False


class EventPublisher:
    """Publishes one topic of events to the callbacks that want them, and to workflows that listen."""

    def __init__(self, topic: str, connection: HotConnection, wake: Callable[[], None]) -> None:
        self.topic = topic
        self._connection = connection
        self._wake = wake

    async def publish(self, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        """Make their deliveries.

        Raises:
            Unavailable: the database does not answer; the events come again.
        """
        if self.topic in NOTIFYING_TOPICS:
            await ask_for(self._connection, parcels)
        await engine_events.pass_on(self._connection, parcels)
        if await callback_deliveries.fan_out(self._connection, [_event(parcel) for parcel in parcels]):
            self._wake()
        return ()


class CallbackSender:
    """Sends what is due. Many workers share the work row by row; each attempt is made by one of them.

    Of one callback a few are under way at a time, and none while its receiver is left alone: the others do not wait.
    """

    def __init__(
        self,
        connection: HotConnection,
        way: Way,
        clock: Clock,
        draw: Callable[[], float],
        new_id: Callable[[], UUID],
    ) -> None:
        self._connection = connection
        self._way = way
        self._clock = clock
        self._draw = draw
        self._new_id = new_id
        self._work = asyncio.Event()
        self._under_way: Counter[UUID] = Counter()
        self._held_until_s: dict[UUID, float] = {}
        self._forget_at = clock.monotonic() + FORGET_EVERY_S * draw()

    def wake(self) -> None:
        """Something is due now."""
        self._work.set()

    async def run(self) -> None:
        """Send for ever, each delivery when it is due."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._work.clear()
                try:
                    async with asyncio.timeout(await self._turn(group)):
                        await self._work.wait()
                except TimeoutError:
                    pass

    async def run_once(self, now: datetime | None = None) -> int:
        """One batch of what is due (at `now`, for tests), to its end. Returns how many attempts were made.

        Raises:
            Unavailable: the database does not answer; what was sent may be sent again under the same id.
        """
        due = await callback_deliveries.take(self._connection, AT_ONCE, HIDDEN_S, self._passed_over(), now)
        async with asyncio.TaskGroup() as group:
            for one in due:
                group.create_task(self._deliver(one, now))
        return len(due)

    async def _turn(self, group: asyncio.TaskGroup) -> float:
        """Begin what is due now and has room. Returns the seconds until it is worth looking again."""
        try:
            while (room := min(SHARE, AT_ONCE - self._under_way.total())) > 0:
                due = await callback_deliveries.take(self._connection, room, HIDDEN_S, self._passed_over())
                for one in due:
                    self._under_way[one.callback_id] += 1
                    group.create_task(self._carry(one))
                if len(due) < room:
                    break
            await self._tidy()
            if room <= 0:
                return LOOK_AGAIN_S  # the next attempt to end rings
            next_in_s = await callback_deliveries.next_due_in_s(self._connection, self._passed_over())
        except Unavailable:
            _log.warning("Callbacks wait: the database does not answer.", extra={"action": "callbacks"})
            return LOOK_AGAIN_S
        now_s = self._clock.monotonic()
        waits = [LOOK_AGAIN_S, *(until_s - now_s for until_s in self._held_until_s.values())]
        return max(0.0, min(waits if next_in_s is None else [*waits, next_in_s]))

    def _passed_over(self) -> list[UUID]:
        """Callbacks that have their share under way, or whose receiver is left alone for now."""
        now_s = self._clock.monotonic()
        self._held_until_s = {one: until_s for one, until_s in self._held_until_s.items() if until_s > now_s}
        return [one for one, count in self._under_way.items() if count >= SHARE] + list(self._held_until_s)

    async def _carry(self, due: Due) -> None:
        """One attempt under way; what cannot be recorded comes again when it is no longer hidden."""
        try:
            await self._deliver(due, None)
        except Unavailable:
            _log.warning("A callback waits: the database does not answer.", extra={"action": "callbacks"})
        finally:
            self._under_way[due.callback_id] -= 1
            if not self._under_way[due.callback_id]:
                del self._under_way[due.callback_id]
            self._work.set()

    async def _deliver(self, due: Due, now: datetime | None) -> None:
        if not due.is_active:
            await callback_deliveries.give_up(self._connection, due, None, "The callback is disabled.", self._new_id())
            return
        answer = await self._attempt(due, now or self._clock.now())
        if answer.was_held:
            pause_s = max(SNOOZE_S, answer.retry_after_s or 0.0)
            self._held_until_s[due.callback_id] = self._clock.monotonic() + pause_s
            await callback_deliveries.snooze(self._connection, due, answer.error, pause_s, now)
            return
        verdict = judge(answer.status, due.attempts)
        CALLBACK_ATTEMPTS.labels(verdict).inc()
        match verdict:
            case Verdict.DELIVERED:
                await callback_deliveries.delivered(self._connection, due, answer.status or 0)
            case Verdict.GONE:
                await callback_deliveries.disable(self._connection, due, f"The receiver answered {GONE} (Gone).")
            case Verdict.GIVEN_UP:
                await callback_deliveries.give_up(self._connection, due, answer.status, answer.error, self._new_id())
            case Verdict.LATER:
                delay_s = wait_s(due.attempts, answer.retry_after_s, self._draw)
                await callback_deliveries.postpone(self._connection, due, answer.status, answer.error, delay_s, now)

    async def _attempt(self, due: Due, now: datetime) -> _Answer:
        """One request; redirects are not followed, and only public addresses (or allowed ones) are reached."""
        body = due.payload.encode()
        try:
            sealed = Sealed(due.key_id, due.nonce, due.ciphertext)
            secrets = unpack(self._way.box.open(sealed, place_of(due.tenant, due.callback_id)))
        except Unavailable as error:
            return _Answer(None, error.message)
        headers = signed_headers(secrets, f"msg_{due.id.hex}", body, now)
        request = HttpRequest(
            "POST", due.url, due.tenant, headers=tuple(headers.items()), content=body, timeout_s=TIMEOUT_S
        )
        try:
            response = await self._way.http.send(request)
        except OutboundError as error:
            waits_s = None if error.retry_after_ms is None else error.retry_after_ms / 1000
            return _Answer(None, f"{error.code}: {error.message}", waits_s, error.code in _HELD)
        waits_s = retry_after_s(response.header("retry-after"), now)
        return _Answer(response.status, f"The receiver answered {response.status}.", waits_s)

    async def _tidy(self) -> None:
        if self._clock.monotonic() >= self._forget_at:
            self._forget_at = self._clock.monotonic() + FORGET_EVERY_S
            await webhook_deliveries.forget(self._connection, KEPT_S)


def _event(parcel: Parcel) -> Event:
    facts = parcel.payload if isinstance(parcel.payload, dict) else {}
    event_type = str(facts.get("type") or parcel.topic)
    at = facts.get("at")
    workflow_id = facts.get("workflowId")
    return Event(
        tenant=parcel.tenant,
        id=parcel.id,
        type=event_type,
        workflow_id=UUID(workflow_id) if isinstance(workflow_id, str) else None,
        payload=message_of(event_type, at if isinstance(at, str) else rfc3339(parcel.created_at), facts),
    )
