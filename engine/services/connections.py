"""Use cases of connections: named ways to the outside with credentials that go in and never come out."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from engine.actions.connections.building import build_connection, connection_faults
from engine.actions.connections.secret_box import Sealed, SecretBox
from engine.actions.connections.values import Connection, ConnectionKind, ConnectionReference
from engine.errors import Conflict, Fault, NotFound, Unavailable, ValidationFailed
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject, dumps, loads
from engine.policy.gate import Resource
from engine.services.authority import Authority, Change
from engine.services.digests import state_hash
from engine.services.pages import MAX_LIMIT, Listing
from engine.services.permits import Permit
from engine.services.values import PageRequest, Slice
from engine.store import connections as rows
from engine.store.connections import ConnectionContent, ConnectionRow
from engine.store.database import Database, Transaction
from engine.store.errors import ConstraintViolated
from engine.store.windows import Window

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MEMBERS: Final = frozenset({"name", "kind", "settings", "secrets"})


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A connection as callers may see it: of its secrets only the names."""

    name: str
    kind: ConnectionKind
    settings: JsonObject
    secret_names: tuple[str, ...]
    revision: int
    created_by: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Asked:
    """A body that was read: secrets of None are to be removed, those not named stay."""

    name: str
    kind: ConnectionKind
    settings: JsonObject
    secrets: JsonObject


class Connections:
    """What callers do with connections, within their tenant.

    All raise `NotFound` for what is not in the tenant, `Denied` where policy refuses, and `Unavailable`.
    """

    def __init__(self, database: Database, authority: Authority, box: SecretBox) -> None:
        self._database = database
        self._authority = authority
        self._box = box

    async def list(self, actor: Actor, page: PageRequest) -> Slice[ConnectionView]:
        """Connections of the tenant, by name.

        Raises:
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        await self._authority.permit(actor, "connection.read", Resource("connection", None))
        listing = Listing("connections", None, _name_of)
        window = listing.window(page)
        async with self._database.transaction(actor.tenant) as connection:
            items, found = await rows.find_window(connection, actor.tenant, window)
            total = await rows.count_all(connection, actor.tenant) if page.count else None
        return listing.slice([_view(row) for row in items], [row.name for row in items], found, total)

    async def get(self, actor: Actor, name: str) -> ConnectionView:
        """One connection."""
        row = await self._found(actor, name)
        await self._authority.permit(actor, "connection.read", _resource(row))
        return _view(row)

    async def create(self, actor: Actor, body: Json) -> ConnectionView:
        """Store a new connection from `{name, kind, settings, secrets}`.

        Raises:
            ValidationFailed: with all faults, none of which repeats a secret.
            Conflict: the name is taken (`connection.exists`), or the tenant has too many (`connection.too_many`).
        """
        permit = await self._authority.permit(actor, "connection.write", Resource("connection", None))
        asked = _read(body, None, None)
        content = self._sealed(actor.tenant, asked, {})
        try:
            async with self._database.transaction(actor.tenant) as connection:
                if await rows.is_full(connection, actor.tenant):
                    raise Conflict(f"A tenant has at most {rows.MOST} connections.", code="connection.too_many")
                row = await rows.add(connection, actor.tenant, asked.name, content, actor.subject)
                await self._record(connection, permit, None, row)
        except ConstraintViolated as exc:
            if exc.constraint != "pk_connections":
                raise
            raise Conflict(f"There is a connection {asked.name!r} already.", code="connection.exists") from exc
        return _view(row)

    async def replace(self, actor: Actor, name: str, body: Json) -> ConnectionView:
        """Change a connection: settings as a whole, secrets one by one (null removes one, one not named stays).

        Raises:
            ValidationFailed: with all faults, none of which repeats a secret.
        """
        stored = await self._found(actor, name)
        permit = await self._authority.permit(actor, "connection.write", _resource(stored))
        asked = _read(body, name, ConnectionKind(stored.content.kind))
        async with self._database.transaction(actor.tenant) as connection:
            before = await rows.find(connection, actor.tenant, name, lock=True)
            if before is None:
                raise NotFound("connection", name)
            content = self._sealed(actor.tenant, asked, self._opened(actor.tenant, before))
            row = await rows.replace(connection, actor.tenant, name, content, actor.subject)
            if row is None:
                raise NotFound("connection", name)
            await self._record(connection, permit, before, row)
        return _view(row)

    async def upsert(self, actor: Actor, body: Json) -> ConnectionView:
        """Create the connection that the body names, or change it when it is there."""
        name = body.get("name") if isinstance(body, dict) else None
        if isinstance(name, str):
            async with self._database.transaction(actor.tenant) as connection:
                known = await rows.find(connection, actor.tenant, name)
            if known is not None:
                return await self.replace(actor, name, body)
        return await self.create(actor, body)

    async def delete(self, actor: Actor, name: str) -> None:
        """Delete a connection. Steps that name it fail from now on."""
        stored = await self._found(actor, name)
        permit = await self._authority.permit(actor, "connection.delete", _resource(stored))
        async with self._database.transaction(actor.tenant) as connection:
            if not await rows.remove(connection, actor.tenant, name):
                raise NotFound("connection", name)
            await self._record(connection, permit, stored, None)

    async def reseal(self, actor: Actor) -> int:
        """Encrypt again what an older master key has encrypted; how many connections that were."""
        permit = await self._authority.permit(actor, "connection.write", Resource("connection", None))
        resealed, window = 0, Window(MAX_LIMIT)
        async with self._database.transaction(actor.tenant) as connection:
            while True:
                items, found = await rows.find_window(connection, actor.tenant, window)
                changes = [
                    change for one in items if (change := await self._resealed(connection, actor.tenant, one.name))
                ]
                if changes:
                    await self._authority.record(connection, permit, changes)
                resealed += len(changes)
                if not found.has_next:
                    return resealed
                window = Window(MAX_LIMIT, after=items[-1].name)

    async def _resealed(self, connection: Transaction, tenant: str, name: str) -> Change | None:
        """What was changed of one connection; None: the newest key has sealed it, or it has no secrets."""
        row = await rows.find(connection, tenant, name, lock=True)
        if row is None or row.content.key_id in {None, self._box.sealing_key_id}:
            return None
        same = _Asked(row.name, ConnectionKind(row.content.kind), row.content.settings, self._opened(tenant, row))
        await rows.reseal(connection, tenant, name, self._sealed(tenant, same, {}))
        return Change("connection", name, _hash(row), _hash(row), {"resealed": True})

    async def _found(self, actor: Actor, name: str) -> ConnectionRow:
        async with self._database.transaction(actor.tenant) as connection:
            row = await rows.find(connection, actor.tenant, name)
        if row is None:
            raise NotFound("connection", name)
        return row

    def _sealed(self, tenant: str, asked: _Asked, kept: JsonObject) -> ConnectionContent:
        """What is to be stored; raises `ValidationFailed` where settings and secrets do not fit."""
        given = {**kept, **asked.secrets}
        secrets: JsonObject = {name: value for name, value in given.items() if value is not None}
        faults = connection_faults(asked.kind, asked.settings, secrets)
        if faults:
            raise ValidationFailed(faults)
        sealed = self._box.seal(dumps(secrets).encode(), _place(tenant, asked.name)) if secrets else None
        return ConnectionContent(
            kind=asked.kind.value,
            settings=asked.settings,
            secret_names=tuple(sorted(secrets)),
            key_id=None if sealed is None else sealed.key_id,
            nonce=None if sealed is None else sealed.nonce,
            ciphertext=None if sealed is None else sealed.ciphertext,
        )

    def _opened(self, tenant: str, row: ConnectionRow) -> JsonObject:
        return open_secrets(self._box, tenant, row)

    async def _record(
        self, connection: Transaction, permit: Permit, before: ConnectionRow | None, after: ConnectionRow | None
    ) -> None:
        names = [row.name for row in (after, before) if row is not None]
        change = Change("connection", names[0], _hash(before), _hash(after))
        await self._authority.record(connection, permit, [change])


class StoredConnections:
    """Where actions get connections from: the store, decrypted as they are asked for (`ConnectionResolver`)."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        self._database = database
        self._box = box

    async def resolve(self, tenant: str, name: str) -> Connection:
        """The tenant's connection of this name, at its present revision.

        Raises:
            NotFound: the tenant has none of this name.
            Unavailable: the database does not answer, or the secrets cannot be opened.
        """
        async with self._database.transaction(tenant) as connection:
            row = await rows.find(connection, tenant, name)
        if row is None:
            raise NotFound("connection", name)
        reference = ConnectionReference(tenant, name, row.revision)
        kind = ConnectionKind(row.content.kind)
        try:
            return build_connection(kind, reference, row.content.settings, open_secrets(self._box, tenant, row))
        except ValueError as exc:
            message = f"The connection {name!r} no longer fits together; store it again."
            raise Unavailable("connections", message, code="connection.unusable") from exc


def open_secrets(box: SecretBox, tenant: str, row: ConnectionRow) -> JsonObject:
    """The secrets of a row in clear.

    Raises:
        Unavailable: their key is missing, or what is stored was altered or moved.
    """
    content = row.content
    if content.key_id is None or content.nonce is None or content.ciphertext is None:
        return {}
    secrets = loads(box.open(Sealed(content.key_id, content.nonce, content.ciphertext), _place(tenant, row.name)))
    return secrets if isinstance(secrets, dict) else {}


def _place(tenant: str, name: str) -> str:
    return f"connections\0{tenant}\0{name}"


def _read(body: Json, name: str | None, kind: ConnectionKind | None) -> _Asked:
    """A body, its shape checked; `name` and `kind` of the connection that it changes may be left out, not changed."""
    if not isinstance(body, dict):
        raise ValidationFailed((_fault("", "The body is no object."),))
    faults = [_fault(f"/{member}", f"{member!r} is no member of a connection.") for member in body.keys() - _MEMBERS]
    given_name = body.get("name", name)
    if not isinstance(given_name, str) or not _NAME.fullmatch(given_name):
        faults.append(_fault("/name", "A name has 1 to 100 letters, digits, dots, dashes and underscores."))
    elif name is not None and given_name != name:
        faults.append(_fault("/name", "A connection keeps its name."))
    given_kind = body.get("kind", None if kind is None else kind.value)
    if not isinstance(given_kind, str) or given_kind not in set(ConnectionKind):
        faults.append(_fault("/kind", f"The kind is one of: {', '.join(ConnectionKind)}."))
    elif kind is not None and given_kind != kind:
        faults.append(_fault("/kind", "A connection keeps its kind."))
    settings, secrets = body.get("settings", {}), body.get("secrets", {})
    if not isinstance(settings, dict):
        faults.append(_fault("/settings", "The settings are no object."))
    if not isinstance(secrets, dict):
        faults.append(_fault("/secrets", "The secrets are no object."))
    if faults or not isinstance(settings, dict) or not isinstance(secrets, dict):
        raise ValidationFailed(tuple(faults))
    return _Asked(str(given_name), ConnectionKind(str(given_kind)), settings, secrets)


def _name_of(text: str) -> str:
    """A name in a cursor; raises `ValueError` where it is none."""
    if not _NAME.fullmatch(text):
        raise ValueError("no name of a connection")
    return text


def _fault(path: str, message: str) -> Fault:
    return Fault("connection.member", path, message, "Send name, kind, settings and secrets.")


def _resource(row: ConnectionRow) -> Resource:
    return Resource("connection", row.name, {"kind": row.content.kind})


def _hash(row: ConnectionRow | None) -> str | None:
    """Digest for the audit log: of settings and names; secrets are in it only as their ciphertext."""
    if row is None:
        return None
    content = row.content
    return state_hash(
        {
            "kind": content.kind,
            "settings": content.settings,
            "secretNames": list(content.secret_names),
            "ciphertext": None if content.ciphertext is None else content.ciphertext.hex(),
        }
    )


def _view(row: ConnectionRow) -> ConnectionView:
    content = row.content
    return ConnectionView(
        row.name,
        ConnectionKind(content.kind),
        content.settings,
        content.secret_names,
        row.revision,
        row.created_by,
        row.created_at,
        row.updated_at,
    )
