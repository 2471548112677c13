"""Use cases of callbacks: where events of executions and tasks are sent, signed."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from engine.actions.connections.secret_box import Sealed, SecretBox
from engine.actions.outbound.errors import OutboundError
from engine.actions.outbound.urls import read_url
from engine.clock import Clock
from engine.errors import Conflict, Fault, NotFound, ValidationFailed
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import Json
from engine.policy.gate import Resource
from engine.services.authority import Authority, Change
from engine.services.digests import state_hash
from engine.services.pages import Listing
from engine.services.requests import MISSING_MEMBER, WRONG_VALUE, Request
from engine.services.values import PageRequest, Slice
from engine.services.webhook_values import DEFAULT_OVERLAP_S, LONGEST_OVERLAP_S
from engine.store import callbacks as rows
from engine.store import workflows
from engine.store.callbacks import CallbackRow
from engine.store.database import Database
from engine.triggers.callbacks import EVENTS, WILDCARDS, CallbackSecret, live, pack, unpack
from engine.triggers.signatures import SECRET_BYTES, key_of, secret_from_bytes

MOST_LIVE = 8


@dataclass(frozen=True, slots=True)
class CallbackView:
    """A callback without its secrets.

    Attributes:
        workflow_id: only events of this workflow; None: of all.
        disabled_reason: why nothing is sent any more; empty while it is active.
    """

    id: UUID
    url: str
    events: tuple[str, ...]
    workflow_id: UUID | None
    is_active: bool
    disabled_reason: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ShownCallback:
    """A callback with its new secret, shown this once."""

    view: CallbackView
    secret: str


@dataclass(frozen=True, slots=True)
class CreateCallbackRequest(Request):
    """Where to send which events; `secret` None: a random one is made."""

    url: str = ""
    events: tuple[str, ...] = ()
    workflow_id: UUID | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class RotateCallbackRequest(Request):
    """A new secret; for `overlap_s` events are signed with both."""

    secret: str | None = None
    overlap_s: int = DEFAULT_OVERLAP_S


class Callbacks:
    """What callers do with callbacks, within their tenant."""

    def __init__(
        self, database: Database, authority: Authority, box: SecretBox, clock: Clock, new_id: IdFactory
    ) -> None:
        self._database = database
        self._authority = authority
        self._box = box
        self._clock = clock
        self._new_id = new_id

    async def create(self, actor: Actor, request: CreateCallbackRequest) -> ShownCallback:
        """Send events to an address from now on.

        Raises:
            ValidationFailed: the address, an event or the secret does not fit.
            NotFound: there is no such workflow in the tenant.
            Conflict: the tenant has too many (`callback.too_many`).
        """
        facts: dict[str, Json] = {} if request.workflow_id is None else {"workflowId": str(request.workflow_id)}
        permit = await self._authority.permit(actor, "callback.create", Resource("callback", None, facts))
        request.check()
        _check(request)
        secret, callback_id = request.secret or _new_secret(), self._new_id()
        sealed = self._box.seal(pack([CallbackSecret(secret)]), place_of(actor.tenant, callback_id))
        new = CallbackRow(
            tenant=actor.tenant,
            id=callback_id,
            url=request.url,
            event_types=tuple(dict.fromkeys(request.events)),
            workflow_id=request.workflow_id,
            key_id=sealed.key_id,
            nonce=sealed.nonce,
            ciphertext=sealed.ciphertext,
            created_by=actor.subject,
        )
        async with self._database.transaction(actor.tenant) as connection:
            if request.workflow_id is not None:
                found = await workflows.find(connection, actor.tenant, request.workflow_id)
                if found is None:
                    raise NotFound("workflow", str(request.workflow_id))
            if await rows.is_full(connection, actor.tenant):
                raise Conflict(f"A tenant has at most {rows.MOST} callbacks.", code="callback.too_many")
            row = await rows.add(connection, new)
            await self._authority.record(connection, permit, [Change("callback", str(row.id), None, _hash(row))])
        return ShownCallback(_view(row), secret)

    async def rotate(self, actor: Actor, callback_id: UUID, request: RotateCallbackRequest) -> ShownCallback:
        """A new secret; until the overlap ends, events are signed with the old ones too, the new one first.

        Raises:
            NotFound: no such callback in the tenant.
            ValidationFailed: the overlap or the secret does not fit.
            Conflict: too many secrets count already (`callback.too_many_secrets`).
        """
        await self._found(actor, callback_id)
        permit = await self._authority.permit(actor, "callback.rotate", Resource("callback", str(callback_id)))
        request.check()
        _check_rotation(request)
        secret, now = request.secret or _new_secret(), self._clock.now()
        async with self._database.transaction(actor.tenant) as connection:
            before = await rows.find(connection, actor.tenant, callback_id, lock=True)
            if before is None:
                raise NotFound("callback", str(callback_id))
            ends_at = now + timedelta(seconds=request.overlap_s)
            kept = [replace(one, until=one.until or ends_at) for one in live(opened(self._box, before), now)]
            if len(kept) >= MOST_LIVE:
                raise Conflict("Too many secrets sign already; wait for an overlap to end.", code=_TOO_MANY_SECRETS)
            sealed = self._box.seal(pack([CallbackSecret(secret), *kept]), place_of(actor.tenant, callback_id))
            await rows.reseal(connection, actor.tenant, callback_id, sealed.key_id, sealed.nonce, sealed.ciphertext)
            after = replace(before, ciphertext=sealed.ciphertext)
            change = Change("callback", str(callback_id), _hash(before), _hash(after))
            await self._authority.record(connection, permit, [change])
        return ShownCallback(_view(before), secret)

    async def delete(self, actor: Actor, callback_id: UUID) -> None:
        """Send nothing more there, what waits included.

        Raises:
            NotFound: no such callback in the tenant.
        """
        before = await self._found(actor, callback_id)
        permit = await self._authority.permit(actor, "callback.delete", Resource("callback", str(callback_id)))
        async with self._database.transaction(actor.tenant) as connection:
            if not await rows.remove(connection, actor.tenant, callback_id):
                raise NotFound("callback", str(callback_id))
            change = Change("callback", str(callback_id), _hash(before), None)
            await self._authority.record(connection, permit, [change])

    async def list(self, actor: Actor, page: PageRequest) -> Slice[CallbackView]:
        """Callbacks, newest first, disabled ones too.

        Raises:
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        await self._authority.permit(actor, "callback.read", Resource("callback", None))
        listing = Listing("callbacks", None)
        window = listing.window(page)
        async with self._database.transaction(actor.tenant) as connection:
            items, found = await rows.find_window(connection, actor.tenant, window)
            total = await rows.count_all(connection, actor.tenant) if page.count else None
        return listing.slice([_view(row) for row in items], [row.id for row in items], found, total)

    async def _found(self, actor: Actor, callback_id: UUID) -> CallbackRow:
        async with self._database.transaction(actor.tenant) as connection:
            row = await rows.find(connection, actor.tenant, callback_id)
        if row is None:
            raise NotFound("callback", str(callback_id))
        return row


_TOO_MANY_SECRETS = "callback.too_many_secrets"


def opened(box: SecretBox, row: CallbackRow) -> tuple[CallbackSecret, ...]:
    """Its secrets in clear, newest first.

    Raises:
        Unavailable: the key that sealed them is not configured any more.
    """
    return unpack(box.open(Sealed(row.key_id, row.nonce, row.ciphertext), place_of(row.tenant, row.id)))


def place_of(tenant: str, callback_id: UUID) -> str:
    """What the secrets of a callback are sealed for."""
    return f"callback:{tenant}:{callback_id}"


def _new_secret() -> str:
    return secret_from_bytes(secrets.token_bytes(SECRET_BYTES))


def _check(request: CreateCallbackRequest) -> None:
    faults = []
    try:
        read_url(request.url)
    except OutboundError as error:
        faults.append(Fault(WRONG_VALUE, "/url", error.message, "Send an absolute http or https URL."))
    known = (*EVENTS, *WILDCARDS)
    if not request.events:
        faults.append(Fault(MISSING_MEMBER, "", "'events' is missing or empty.", f"Some of: {', '.join(known)}."))
    for index, name in enumerate(request.events):
        if name not in known:
            message = f"{name[:100]!r} is no event."
            faults.append(Fault(WRONG_VALUE, f"/events/{index}", message, f"One of: {', '.join(known)}."))
    faults.extend(_secret_faults(request.secret))
    if faults:
        raise ValidationFailed(tuple(faults))


def _check_rotation(request: RotateCallbackRequest) -> None:
    faults = _secret_faults(request.secret)
    if not 0 <= request.overlap_s <= LONGEST_OVERLAP_S:
        hint = f"Give 0 to {LONGEST_OVERLAP_S}."
        faults.append(Fault(WRONG_VALUE, "/overlapSeconds", f"{request.overlap_s} seconds is no overlap.", hint))
    if faults:
        raise ValidationFailed(tuple(faults))


def _secret_faults(given: str | None) -> list[Fault]:
    """Events are signed by Standard Webhooks: a secret of the caller's own has its form."""
    if given is None:
        return []
    try:
        key_of(given)
    except ValueError as error:
        return [Fault(WRONG_VALUE, "/secret", str(error), "Leave it out, or send whsec_ and base64 of 24 to 64 bytes.")]
    return []


def _hash(row: CallbackRow) -> str:
    events: list[Json] = [*row.event_types]
    workflow_id = None if row.workflow_id is None else str(row.workflow_id)
    return state_hash({"url": row.url, "events": events, "workflowId": workflow_id, "ciphertext": row.ciphertext.hex()})


def _view(row: CallbackRow) -> CallbackView:
    if row.created_at is None:
        raise ValueError("a callback that was never stored")
    return CallbackView(
        row.id,
        row.url,
        row.event_types,
        row.workflow_id,
        row.status == "active",
        row.disabled_reason,
        row.created_by,
        row.created_at,
    )
