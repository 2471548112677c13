"""Published versions: rows that never change, what the ledger says of them, and what they listen to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import JsonObject
from engine.store.tables.definitions import version_provenance, workflow_definitions, workflow_versions
from engine.store.tables.runtime import FINAL, executions
from engine.store.tables.triggers import workflow_triggers
from engine.store.webhooks import NewWebhook, replace_listeners
from engine.store.windows import Count, Found, Window, count, look

_C = workflow_versions.c
_P = version_provenance.c


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What publishing stores."""

    tenant: str
    workflow_id: UUID
    version: str
    content_hash: str
    definition: JsonObject
    manifest: str
    previous_version: str | None
    previous_content_hash: str | None
    change_summary: str
    published_by: str
    published_at: datetime
    policy_revision: str
    decision_id: UUID


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version as it is stored, with what the ledger says of it."""

    workflow_id: UUID
    version: str
    content_hash: str
    definition: JsonObject
    manifest: str
    previous_version: str | None
    change_summary: str
    published_by: str
    published_at: datetime
    provenance: str
    log_index: int | None
    leaf_hash: str | None
    proof: str | None


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """A trigger of the latest published version, for whoever looks for listeners."""

    trigger_id: str
    type: str
    event_type: str | None
    config: JsonObject
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class CallableRow:
    """A published workflow as its callers see it: its latest definition, and which versions it has."""

    workflow_id: UUID
    name: str
    definition: JsonObject
    versions: tuple[str, ...]


async def add(connection: AsyncConnection, new: NewVersion) -> None:
    """Store a version, the next in its workflow's sequence, as not yet registered in the ledger.

    The caller holds the workflow's row locked, so that sequences have no gaps and no doubles.
    """
    sequence = (
        select(func.coalesce(func.max(_C.sequence), 0) + 1)
        .where(_C.tenant_id == new.tenant, _C.workflow_id == new.workflow_id)
        .scalar_subquery()
    )
    await connection.execute(
        insert(workflow_versions).values(
            tenant_id=new.tenant,
            workflow_id=new.workflow_id,
            version=new.version,
            sequence=sequence,
            content_hash=new.content_hash,
            definition=new.definition,
            manifest=new.manifest,
            previous_version=new.previous_version,
            previous_content_hash=new.previous_content_hash,
            change_summary=new.change_summary,
            published_by=new.published_by,
            published_at=new.published_at,
            policy_revision=new.policy_revision,
            decision_id=new.decision_id,
        )
    )
    await connection.execute(
        insert(version_provenance).values(tenant_id=new.tenant, workflow_id=new.workflow_id, version=new.version)
    )


async def find(connection: AsyncConnection, tenant: str, workflow_id: UUID, version: str) -> VersionRow | None:
    """One version, or None."""
    statement = _all(tenant, workflow_id).where(_C.version == version)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _read(row)


async def find_several(
    connection: AsyncConnection, tenant: str, workflow_id: UUID, versions: Sequence[str]
) -> dict[str, VersionRow]:
    """Those of the versions that exist, in one query."""
    statement = _all(tenant, workflow_id).where(_C.version.in_(versions))
    return {row.version: _read(row) for row in await connection.execute(statement)}


async def find_newest(
    connection: AsyncConnection, tenant: str, workflow_id: UUID, limit: int
) -> tuple[VersionRow, ...]:
    """The newest versions, newest first."""
    statement = _all(tenant, workflow_id).order_by(_C.sequence.desc()).limit(limit)
    return tuple(_read(row) for row in await connection.execute(statement))


async def find_window(
    connection: AsyncConnection, tenant: str, workflow_id: UUID, window: Window
) -> tuple[tuple[VersionRow, ...], tuple[int, ...], Found]:
    """Versions of one window, newest first, with their sequence numbers."""
    found = await look(connection, _all(tenant, workflow_id), _C.sequence, window)
    return tuple(_read(row) for row in found.rows), tuple(row.sequence for row in found.rows), found


async def count_all(connection: AsyncConnection, tenant: str, workflow_id: UUID) -> Count:
    """How many versions a workflow has."""
    return await count(connection, _all(tenant, workflow_id))


async def find_callable(
    connection: AsyncConnection, tenant: str, workflow_ids: Sequence[UUID]
) -> tuple[CallableRow, ...]:
    """Those of the workflows that are published and not archived, in one query."""
    definitions = workflow_definitions.c
    every = workflow_versions.alias("every_version")
    numbers = (
        select(func.array_agg(every.c.version))
        .where(every.c.tenant_id == definitions.tenant_id, every.c.workflow_id == definitions.id)
        .scalar_subquery()
    )
    latest = and_(
        _C.tenant_id == definitions.tenant_id,
        _C.workflow_id == definitions.id,
        _C.version == definitions.latest_version,
    )
    statement = (
        select(definitions.id, definitions.name, _C.definition, numbers.label("versions"))
        .join_from(workflow_definitions, workflow_versions, latest)
        .where(definitions.tenant_id == tenant, definitions.id.in_(workflow_ids), definitions.status == "published")
    )
    return tuple(
        CallableRow(row.id, row.name, row.definition, tuple(row.versions))
        for row in await connection.execute(statement)
    )


async def count_unfinished(connection: AsyncConnection, tenant: str, workflow_id: UUID) -> tuple[tuple[str, int], ...]:
    """Unfinished executions per version, those with none left out."""
    columns = executions.c
    # As literal text, so that the partial index of unfinished executions is seen to cover it.
    unfinished = text(f"executions.status not in {FINAL}")
    statement = (
        select(columns.workflow_version, func.count())
        .where(columns.tenant_id == tenant, columns.workflow_id == workflow_id, unfinished)
        .group_by(columns.workflow_version)
        .order_by(columns.workflow_version)
    )
    return tuple((version, number) for version, number in await connection.execute(statement))


async def replace_triggers(
    connection: AsyncConnection, tenant: str, workflow_id: UUID, version: str, triggers: Sequence[TriggerRow]
) -> None:
    """Make the listeners of a workflow those of its latest version; with none given it listens to nothing."""
    columns = workflow_triggers.c
    await connection.execute(
        delete(workflow_triggers).where(columns.tenant_id == tenant, columns.workflow_id == workflow_id)
    )
    if triggers:
        await connection.execute(
            insert(workflow_triggers),
            [
                {
                    "tenant_id": tenant,
                    "workflow_id": workflow_id,
                    "trigger_id": trigger.trigger_id,
                    "version": version,
                    "type": trigger.type,
                    "event_type": trigger.event_type,
                    "config": trigger.config,
                    "is_enabled": trigger.is_enabled,
                }
                for trigger in triggers
            ],
        )
    await replace_listeners(connection, tenant, workflow_id, version, [_webhook(t) for t in triggers if _listens(t)])


def _listens(trigger: TriggerRow) -> bool:
    return trigger.type == "webhook" and trigger.is_enabled


def _webhook(trigger: TriggerRow) -> NewWebhook:
    path, scheme = trigger.config["webhookPath"], trigger.config.get("signature") or "standard"
    return NewWebhook(trigger.trigger_id, str(path), str(scheme))


def _all(tenant: str, workflow_id: UUID) -> Select[Any]:
    together = and_(_P.tenant_id == _C.tenant_id, _P.workflow_id == _C.workflow_id, _P.version == _C.version)
    return (
        select(
            _C.workflow_id,
            _C.version,
            _C.sequence,
            _C.content_hash,
            _C.definition,
            _C.manifest,
            _C.previous_version,
            _C.change_summary,
            _C.published_by,
            _C.published_at,
            _P.status.label("provenance"),
            _P.log_index,
            _P.leaf_hash,
            _P.proof,
        )
        .join_from(workflow_versions, version_provenance, together)
        .where(_C.tenant_id == tenant, _C.workflow_id == workflow_id)
    )


def _read(row: Row[Any]) -> VersionRow:
    return VersionRow(
        workflow_id=row.workflow_id,
        version=row.version,
        content_hash=row.content_hash,
        definition=row.definition,
        manifest=row.manifest,
        previous_version=row.previous_version,
        change_summary=row.change_summary,
        published_by=row.published_by,
        published_at=row.published_at,
        provenance=row.provenance,
        log_index=row.log_index,
        leaf_hash=row.leaf_hash,
        proof=row.proof,
    )
