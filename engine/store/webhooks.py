"""Webhooks of published workflows and their secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Row, Select, and_, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import JsonObject
from engine.store.tables.triggers import webhook_secrets, workflow_triggers, workflow_webhooks
from engine.store.windows import Count, Found, Window, count, look

_W = workflow_webhooks.c
_S = webhook_secrets.c
_T = workflow_triggers.c


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A path at which a published workflow listens.

    Attributes:
        id: stays with the path over all versions, so that a message that was used stays used.
        signature: the scheme, `standard` or `github`.
        config: of its trigger.
    """

    tenant: str
    id: UUID
    workflow_id: UUID
    trigger_id: str
    version: str
    path: str
    signature: str
    config: JsonObject


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A path of a version that is being published."""

    trigger_id: str
    path: str
    signature: str


@dataclass(frozen=True, slots=True)
class SecretRow:
    """A secret as it is stored: sealed.

    Attributes:
        expires_at: of a retiring one: it counts until then.
    """

    tenant: str
    id: UUID
    workflow_id: UUID
    status: str
    key_id: str
    nonce: bytes
    ciphertext: bytes
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def counts_at(self, now: datetime) -> bool:
        """Whether signatures made with it hold."""
        if self.status == "retiring":
            return self.expires_at is not None and self.expires_at > now
        return self.status == "active"


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret that is about to be stored."""

    tenant: str
    id: UUID
    workflow_id: UUID
    key_id: str
    nonce: bytes
    ciphertext: bytes
    created_by: str
    created_at: datetime


async def find_listener(connection: AsyncConnection, workflow_id: UUID, path: str) -> WebhookRow | None:
    """Who listens at a path, in whatever tenant: a sender has no identity but the signature. For the loops' role."""
    if "\0" in path:
        return None  # no text of the database holds one, and asking for it is an error there
    together = and_(_T.tenant_id == _W.tenant_id, _T.workflow_id == _W.workflow_id, _T.trigger_id == _W.trigger_id)
    statement = (
        select(*_W, _T.config)
        .join_from(workflow_webhooks, workflow_triggers, together)
        .where(_W.workflow_id == workflow_id, _W.path == path, _W.is_enabled)
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    return WebhookRow(
        tenant=row.tenant_id,
        id=row.id,
        workflow_id=row.workflow_id,
        trigger_id=row.trigger_id,
        version=row.version,
        path=row.path,
        signature=row.signature,
        config=row.config,
    )


async def find_live_secrets(connection: AsyncConnection, workflow_id: UUID, now: datetime) -> tuple[SecretRow, ...]:
    """Secrets of a workflow that count at `now`, newest first. For the loops' role, or within a tenant."""
    statement = _secrets(workflow_id).where(
        or_(_S.status == "active", and_(_S.status == "retiring", _S.expires_at > now))
    )
    return tuple(_secret(row) for row in await connection.execute(statement.order_by(_S.id.desc())))


async def find_secret(connection: AsyncConnection, tenant: str, workflow_id: UUID, secret_id: UUID) -> SecretRow | None:
    """One secret of a workflow, whatever has become of it."""
    statement = _secrets(workflow_id).where(_S.tenant_id == tenant, _S.id == secret_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _secret(row)


async def find_secret_window(
    connection: AsyncConnection, tenant: str, workflow_id: UUID, window: Window
) -> tuple[tuple[SecretRow, ...], Found]:
    """Of all secrets that a workflow ever had those of one window, newest first."""
    found = await look(connection, _secrets(workflow_id).where(_S.tenant_id == tenant), _S.id, window)
    return tuple(_secret(row) for row in found.rows), found


async def count_secrets(connection: AsyncConnection, tenant: str, workflow_id: UUID) -> Count:
    """How many secrets a workflow ever had."""
    return await count(connection, _secrets(workflow_id).where(_S.tenant_id == tenant))


async def add_secret(connection: AsyncConnection, secret: NewSecret) -> SecretRow:
    """Store a new, active secret."""
    statement = (
        insert(webhook_secrets)
        .values(
            tenant_id=secret.tenant,
            id=secret.id,
            workflow_id=secret.workflow_id,
            key_id=secret.key_id,
            nonce=secret.nonce,
            ciphertext=secret.ciphertext,
            created_by=secret.created_by,
            created_at=secret.created_at,
        )
        .returning(*_S)
    )
    return _secret((await connection.execute(statement)).one())


async def retire_secrets(connection: AsyncConnection, tenant: str, ids: Sequence[UUID], expires_at: datetime) -> None:
    """Let active secrets count until `expires_at` and no longer."""
    await connection.execute(
        update(webhook_secrets)
        .where(_S.tenant_id == tenant, _S.id.in_(ids), _S.status == "active")
        .values(status="retiring", expires_at=expires_at)
    )


async def revoke_secret(connection: AsyncConnection, tenant: str, secret_id: UUID, now: datetime) -> SecretRow | None:
    """End a secret at once; None: it was revoked already."""
    statement = (
        update(webhook_secrets)
        .where(_S.tenant_id == tenant, _S.id == secret_id, _S.status != "revoked")
        .values(status="revoked", revoked_at=now)
        .returning(*_S)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _secret(row)


async def replace_listeners(
    connection: AsyncConnection, tenant: str, workflow_id: UUID, version: str, webhooks: Sequence[NewWebhook]
) -> None:
    """Make the paths of a workflow those of its latest version.

    Paths that are gone stay as disabled rows: should one come back, the messages that it has seen are still known.
    """
    of_workflow = and_(_W.tenant_id == tenant, _W.workflow_id == workflow_id)
    paths = [webhook.path for webhook in webhooks]
    await connection.execute(
        update(workflow_webhooks)
        .where(of_workflow, _W.path.not_in(paths), _W.is_enabled)
        .values(is_enabled=False, updated_at=func.now())
    )
    for webhook in webhooks:
        known: dict[str, object] = {
            "trigger_id": webhook.trigger_id,
            "version": version,
            "signature": webhook.signature,
            "is_enabled": True,
        }
        statement = upsert(workflow_webhooks).values(
            tenant_id=tenant, id=uuid5(workflow_id, webhook.path), workflow_id=workflow_id, path=webhook.path, **known
        )
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=[_W.workflow_id, _W.path], set_={**known, "updated_at": func.now()}
            )
        )


def _secrets(workflow_id: UUID) -> Select[Any]:
    return select(*_S).where(_S.workflow_id == workflow_id)


def _secret(row: Row[Any]) -> SecretRow:
    return SecretRow(
        tenant=row.tenant_id,
        id=row.id,
        workflow_id=row.workflow_id,
        status=row.status,
        key_id=row.key_id,
        nonce=bytes(row.nonce),
        ciphertext=bytes(row.ciphertext),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
