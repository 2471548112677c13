"""Events: taken in once by their id, left in the outbox, and from there to all who listen, at least once."""

import hashlib
import logging
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from engine.clock import Clock
from engine.errors import Conflict, Denied, Fault, NotFound, ValidationFailed
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import Json, JsonObject
from engine.policy.gate import Resource
from engine.queue.bell import Bell
from engine.runtime.events import EventReceived
from engine.services.authority import Authority, Change
from engine.services.digests import state_hash
from engine.services.keys import MAX_LENGTH, check_match, new_key
from engine.services.requests import WRONG_VALUE, ExecuteRequest, Request, missing
from engine.services.starts import Starts
from engine.store.database import Database
from engine.store.governance import KeyScope, claim_key
from engine.store.inbox import Posting, post
from engine.store.listeners import Listener, find_listeners, find_waiters
from engine.store.outbox import Parcel
from engine.store.outgoing import Outgoing, send
from engine.triggers.matching import correlates, fires, trigger_data_of
from engine.triggers.metrics import EVENTS

_log = logging.getLogger(__name__)

EMIT: Final = "event.emit"
TOPIC: Final = "event.emitted"
"""Topic of the outbox that events travel in."""
WAKE: Final = "event.wake"
EVERYBODY: Final = "*"
TYPE_LENGTH: Final = 200
RESERVED: Final = ("execution.", "human_task.")
"""Types that begin so are facts of the engine: who listens to them believes them."""


@dataclass(frozen=True, slots=True)
class EmitRequest(Request):
    """An event; without an `id` each call is another one. The type must be given."""

    type: str = ""
    payload: Json = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event that is taken in; `duplicate`: an earlier call with this id has done so."""

    id: str
    type: str
    duplicate: bool


class Events:
    """Takes events in."""

    def __init__(self, database: Database, authority: Authority, clock: Clock, new_id: IdFactory) -> None:
        self._database = database
        self._authority = authority
        self._clock = clock
        self._new_id = new_id

    async def emit(self, actor: Actor, request: EmitRequest) -> Emitted:
        """Take an event in; durable when this returns, and delivered within moments to all who listen by then.

        The same id and body again within 24 hours is the same event, in all of the tenant.

        Raises:
            Denied: policy refuses.
            ValidationFailed: the body has faults.
            IdempotencyMismatch: the id was used with another body.
        """
        permit = await self._authority.permit(actor, EMIT, Resource("event", None, {"eventType": request.type}))
        _check(request)
        parcel_id = self._new_id()
        event_id = request.id or str(parcel_id)
        body: JsonObject = {"type": request.type, "payload": request.payload}
        scope = KeyScope(actor.tenant, EVERYBODY, EMIT, event_id)
        async with self._database.transaction(actor.tenant) as connection:
            known = await claim_key(connection, scope, new_key(self._clock, body, parcel_id), self._clock.now())
            if known is not None:
                check_match(known, body)
                return Emitted(event_id, request.type, duplicate=True)
            roles: list[Json] = [*sorted(actor.roles)]
            emitter: JsonObject = {"subject": actor.subject, "roles": roles, "source": actor.source}
            content: JsonObject = {**body, "id": event_id, "emitter": emitter}
            await send(connection, Outgoing(actor.tenant, parcel_id, TOPIC, event_id, content, actor.traceparent))
            change = Change("event", event_id, None, state_hash(body))
            await self._authority.record(connection, permit, [change])
        return Emitted(event_id, request.type, duplicate=False)


class EventDelivery:
    """Brings one event to all who listen. Bringing it again starts nothing and wakes nobody twice."""

    def __init__(self, database: Database, starts: Starts, bell: Bell, clock: Clock) -> None:
        self._database = database
        self._starts = starts
        self._bell = bell
        self._clock = clock

    async def deliver(self, parcel: Parcel) -> int:
        """Start what listens, wake what waits. Returns how many executions were started or woken.

        A listener that refuses (policy, `inputSchema`, not active) is left out; the others get the event.

        Raises:
            Unavailable: not all could be reached; deliver it again.
        """
        content = parcel.payload if isinstance(parcel.payload, dict) else {}
        event_type, payload = str(content.get("type", "")), content.get("payload")
        async with self._database.transaction(parcel.tenant) as connection:
            listeners = await find_listeners(connection, parcel.tenant, event_type)
        started = 0
        for listener in listeners:
            if _concerns(listener, content) and fires(listener.config, payload):
                started += await self._start(parcel, content, listener)
        return started + await self._wake(parcel, event_type, content)

    async def _start(self, parcel: Parcel, content: JsonObject, listener: Listener) -> int:
        request = ExecuteRequest(trigger_data=trigger_data_of(listener.config, content.get("payload")))
        digest = hashlib.sha256(listener.trigger_id.encode()).hexdigest()[:32]
        try:
            await self._starts.start(
                _emitter(parcel, content),
                listener.workflow_id,
                request,
                idempotency_key=f"event:{parcel.id}:{digest}",
                trigger_type=listener.type,
            )
        except (Denied, Conflict, NotFound, ValidationFailed) as error:
            facts = {"action": "event.deliver", "workflow_id": str(listener.workflow_id), "error": error.code}
            _log.warning("A workflow that listens could not be started.", extra=facts)
            EVENTS.labels("refused").inc()
            return 0
        EVENTS.labels("started").inc()
        return 1

    async def _wake(self, parcel: Parcel, event_type: str, content: JsonObject) -> int:
        """Post the event to wait steps, once: a step that waits anew is not woken by an event of the past."""
        payload = content.get("payload")
        scope = KeyScope(parcel.tenant, EVERYBODY, WAKE, str(parcel.id))
        async with self._database.transaction(parcel.tenant) as connection:
            waiters = await find_waiters(connection, parcel.tenant, event_type)
            met = [waiter for waiter in waiters if correlates(waiter.correlation, payload)]
            if not met:
                return 0
            known = await claim_key(connection, scope, new_key(self._clock, None, parcel.id), self._clock.now())
            if known is not None:
                return 0
            await post(
                connection,
                [
                    Posting(
                        parcel.tenant,
                        waiter.execution_id,
                        uuid5(parcel.id, f"{waiter.execution_id}/{waiter.key.path}/{waiter.key.iteration}"),
                        EventReceived(waiter.key, waiter.generation, event_type, payload, str(content.get("id", ""))),
                    )
                    for waiter in met
                ],
            )
        woken: list[UUID] = [waiter.execution_id for waiter in met]
        EVENTS.labels("woken").inc(len(woken))
        await self._bell.ring(parcel.tenant, woken)
        return len(woken)


def _concerns(listener: Listener, content: JsonObject) -> bool:
    """Whether an event is for this listener: the engine's own start nothing of their own workflow, and end in chains.

    A `condition` trigger that names no type means what others emit.
    """
    origin = content.get("origin")
    if not isinstance(origin, dict):
        return True
    is_named = listener.config.get("eventType") == content.get("type")
    return is_named and origin.get("starts") is True and origin.get("workflowId") != str(listener.workflow_id)


def _emitter(parcel: Parcel, content: JsonObject) -> Actor:
    """Whoever emitted the event starts what it starts."""
    emitter = content.get("emitter")
    members = emitter if isinstance(emitter, dict) else {}
    roles = members.get("roles")
    return Actor(
        tenant=parcel.tenant,
        subject=str(members.get("subject", "event")),
        roles=frozenset(str(role) for role in roles) if isinstance(roles, list) else frozenset(),
        request_id=str(parcel.id),
        source=str(members.get("source", "event")),
        traceparent=parcel.traceparent,
    )


def _check(request: EmitRequest) -> None:
    request.check()
    if not request.type:
        raise missing("type")
    if len(request.type) > TYPE_LENGTH:
        message = f"The type is longer than {TYPE_LENGTH} characters."
        raise ValidationFailed((Fault(WRONG_VALUE, "/type", message, "Shorten it."),))
    if request.type.startswith(RESERVED):
        message = f"Types that begin with {' or '.join(map(repr, RESERVED))} are the engine's own."
        raise ValidationFailed((Fault("event.type_reserved", "/type", message, "Give it a name of your own."),))
    event_id = request.id
    if event_id is not None and not (1 <= len(event_id) <= MAX_LENGTH and all("!" <= c <= "~" for c in event_id)):
        message = "The id has characters that are not visible ASCII, or too many."
        raise ValidationFailed((Fault(WRONG_VALUE, "/id", message, f"Give 1 to {MAX_LENGTH} visible characters."),))
