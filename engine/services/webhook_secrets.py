"""Use cases of webhook secrets: they are shown once, kept sealed, rotated with an overlap, and revoked."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from engine.actions.connections.secret_box import Sealed, SecretBox
from engine.clock import Clock, rfc3339
from engine.errors import Conflict, Fault, NotFound, ValidationFailed
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.services.authority import Authority, Change
from engine.services.digests import state_hash
from engine.services.facts import secret_resource, workflow_missing
from engine.services.pages import Listing
from engine.services.requests import WRONG_VALUE
from engine.services.values import PageRequest, Slice
from engine.services.webhook_values import (
    LONGEST_OVERLAP_S,
    CreateSecretRequest,
    RotateSecretRequest,
    SecretStatus,
    SecretView,
    ShownSecret,
)
from engine.store import webhooks as rows
from engine.store import workflows
from engine.store.database import Database, Transaction
from engine.store.webhooks import NewSecret, SecretRow
from engine.store.workflows import WorkflowRow
from engine.triggers.signatures import SECRET_BYTES, SECRET_PREFIX, key_of, secret_from_bytes

MOST_LIVE: Final = 5
"""Secrets of a workflow that count at a time: each costs every delivery, forged ones too, one more signature."""
_SHORTEST, _LONGEST = 16, 256


class WebhookSecrets:
    """What callers do with the secrets of a workflow's webhooks, within their tenant."""

    def __init__(
        self, database: Database, authority: Authority, box: SecretBox, clock: Clock, new_id: IdFactory
    ) -> None:
        self._database = database
        self._authority = authority
        self._box = box
        self._clock = clock
        self._new_id = new_id

    async def create(self, actor: Actor, workflow_id: UUID, request: CreateSecretRequest) -> ShownSecret:
        """A further secret, beside those that there are.

        Raises:
            NotFound: no such workflow in the tenant.
            ValidationFailed: the secret given is too weak, or malformed.
            Conflict: too many count already (`webhook_secret.too_many`).
        """
        return await self._add(actor, workflow_id, "webhook_secret.create", request.secret, request, None)

    async def rotate(self, actor: Actor, workflow_id: UUID, request: RotateSecretRequest) -> ShownSecret:
        """A new secret; those that are active verify for the overlap and then no more. Errors as for `create`."""
        overlap_s = request.overlap_s
        return await self._add(actor, workflow_id, "webhook_secret.rotate", request.secret, request, overlap_s)

    async def revoke(self, actor: Actor, workflow_id: UUID, secret_id: UUID) -> SecretView:
        """End a secret at once. Repeating changes nothing.

        Raises:
            NotFound: the workflow has no such secret in the tenant.
        """
        workflow = await self._workflow(actor, workflow_id)
        before = await self._find(actor, workflow_id, secret_id)
        permit = await self._authority.permit(actor, "webhook_secret.revoke", secret_resource(workflow, secret_id))
        async with self._database.transaction(actor.tenant) as connection:
            after = await rows.revoke_secret(connection, actor.tenant, secret_id, self._clock.now())
            if after is not None:
                change = Change("webhook_secret", str(secret_id), _hash(before), _hash(after))
                await self._authority.record(connection, permit, [change])
        return self._view(after or await self._find(actor, workflow_id, secret_id))

    async def _add(
        self,
        actor: Actor,
        workflow_id: UUID,
        action: str,
        given: str | None,
        request: CreateSecretRequest | RotateSecretRequest,
        overlap_s: int | None,
    ) -> ShownSecret:
        workflow = await self._workflow(actor, workflow_id)
        permit = await self._authority.permit(actor, action, secret_resource(workflow, None))
        request.check()
        _check(given, overlap_s)
        secret = given or secret_from_bytes(secrets.token_bytes(SECRET_BYTES))
        now, secret_id = self._clock.now(), self._new_id()
        sealed = self._box.seal(secret.encode(), place_of(actor.tenant, workflow_id, secret_id))
        new = NewSecret(
            actor.tenant, secret_id, workflow_id, sealed.key_id, sealed.nonce, sealed.ciphertext, actor.subject, now
        )
        async with self._database.transaction(actor.tenant) as connection:
            # The workflow's row stands for all of its secrets: two calls at once are one after the other.
            await workflows.find(connection, actor.tenant, workflow_id, lock=True)
            before = await rows.find_live_secrets(connection, workflow_id, now)
            changes = [] if overlap_s is None else await self._retire(connection, before, now, overlap_s)
            if len(before) >= MOST_LIVE and overlap_s != 0:
                message = f"{MOST_LIVE} secrets of this workflow count already: revoke one, or rotate without overlap."
                raise Conflict(message, code="webhook_secret.too_many")
            row = await rows.add_secret(connection, new)
            changes.append(Change("webhook_secret", str(secret_id), None, _hash(row)))
            await self._authority.record(connection, permit, changes)
        return ShownSecret(self._view(row), secret)

    async def _retire(
        self, connection: Transaction, live: Sequence[SecretRow], now: datetime, overlap_s: int
    ) -> list[Change]:
        active = [row for row in live if row.status == "active"]
        if not active:
            return []
        ends_at = now + timedelta(seconds=overlap_s)
        await rows.retire_secrets(connection, active[0].tenant, [row.id for row in active], ends_at)
        details = {"retiringUntil": rfc3339(ends_at)}
        return [Change("webhook_secret", str(row.id), _hash(row), None, {**details}) for row in active]

    async def _workflow(self, actor: Actor, workflow_id: UUID) -> WorkflowRow:
        async with self._database.transaction(actor.tenant) as connection:
            row = await workflows.find(connection, actor.tenant, workflow_id)
        if row is None:
            raise workflow_missing(workflow_id)
        return row

    async def _find(self, actor: Actor, workflow_id: UUID, secret_id: UUID) -> SecretRow:
        async with self._database.transaction(actor.tenant) as connection:
            row = await rows.find_secret(connection, actor.tenant, workflow_id, secret_id)
        if row is None:
            raise NotFound("webhook secret", str(secret_id))
        return row

    async def list(self, actor: Actor, workflow_id: UUID, page: PageRequest) -> Slice[SecretView]:
        """Those that the workflow ever had, newest first, without the secrets themselves.

        Raises:
            NotFound: no such workflow in the tenant.
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        workflow = await self._workflow(actor, workflow_id)
        await self._authority.permit(actor, "webhook_secret.read", secret_resource(workflow, None))
        listing = Listing("webhook_secrets", workflow_id)
        window = listing.window(page)
        async with self._database.transaction(actor.tenant) as connection:
            items, found = await rows.find_secret_window(connection, actor.tenant, workflow_id, window)
            total = await rows.count_secrets(connection, actor.tenant, workflow_id) if page.count else None
        return listing.slice([self._view(row) for row in items], [row.id for row in items], found, total)

    def _view(self, row: SecretRow) -> SecretView:
        status = SecretStatus(row.status)
        if status is SecretStatus.RETIRING and not row.counts_at(self._clock.now()):
            status = SecretStatus.EXPIRED
        return SecretView(
            row.id, row.workflow_id, status, row.created_by, row.created_at, row.expires_at, row.revoked_at
        )


def opened(box: SecretBox, row: SecretRow) -> str:
    """The secret of a row in clear.

    Raises:
        Unavailable: the key that sealed it is not configured any more.
    """
    sealed = Sealed(row.key_id, row.nonce, row.ciphertext)
    return box.open(sealed, place_of(row.tenant, row.workflow_id, row.id)).decode()


def place_of(tenant: str, workflow_id: UUID, secret_id: UUID) -> str:
    """What a secret is sealed for."""
    return f"webhook_secret:{tenant}:{workflow_id}:{secret_id}"


def secret_fault(given: str) -> Fault | None:
    """What is wrong with a secret of the caller's own; it is not repeated."""
    hint = f"Leave it out to have one made; else send {_SHORTEST} to {_LONGEST} visible characters."
    if not _SHORTEST <= len(given) <= _LONGEST or not all(" " <= character <= "~" for character in given):
        return Fault(WRONG_VALUE, "/secret", "The secret has not the length or the characters asked for.", hint)
    if given.startswith(SECRET_PREFIX):
        try:
            key_of(given)
        except ValueError as error:
            return Fault(WRONG_VALUE, "/secret", str(error), "Send whsec_ and the base64 of 24 to 64 random bytes.")
    return None


def _check(given: str | None, overlap_s: int | None) -> None:
    faults = []
    if given is not None and (fault := secret_fault(given)) is not None:
        faults.append(fault)
    if overlap_s is not None and not 0 <= overlap_s <= LONGEST_OVERLAP_S:
        message = f"{overlap_s} seconds is no overlap."
        faults.append(Fault(WRONG_VALUE, "/overlapSeconds", message, f"Give 0 to {LONGEST_OVERLAP_S}."))
    if faults:
        raise ValidationFailed(tuple(faults))


def _hash(row: SecretRow) -> str:
    """Digest for the audit log; the secret is in it only as its ciphertext."""
    ends_at = None if row.expires_at is None else rfc3339(row.expires_at)
    return state_hash({"status": row.status, "expiresAt": ends_at, "ciphertext": row.ciphertext.hex()})
