"""Drafts: rows of `workflow_definitions`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Text, case, cast, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import JsonObject
from engine.store.tables.definitions import workflow_definitions
from engine.store.visibility import Hidden, visible
from engine.store.windows import Count, Found, Window, count, look

_C = workflow_definitions.c
_BACKSLASH = "\\"


@dataclass(frozen=True, slots=True)
class WorkflowRow:
    """A workflow as it is stored.

    Attributes:
        editors: who has edited the draft since it was last published.
    """

    tenant: str
    id: UUID
    name: str
    description: str
    definition: JsonObject
    draft_hash: str
    status: str
    is_active: bool
    revision: int
    latest_version: str | None
    latest_content_hash: str | None
    labels: tuple[str, ...]
    classification: str | None
    environment: str | None
    created_by: str
    updated_by: str
    created_at: datetime
    updated_at: datetime
    editors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftContent:
    """What an edit of a draft writes."""

    name: str
    description: str
    definition: JsonObject
    draft_hash: str
    is_active: bool
    labels: tuple[str, ...]
    classification: str | None
    environment: str | None


@dataclass(frozen=True, slots=True)
class WorkflowConditions:
    """Which workflows a list has; None does not filter. Without `status`, archived ones are left out.

    Attributes:
        hidden: what the reader must not see.
    """

    search: str | None = None
    is_active: bool | None = None
    status: str | None = None
    hidden: Hidden | None = None


async def add(
    connection: AsyncConnection, tenant: str, workflow_id: UUID, content: DraftContent, author: str
) -> WorkflowRow:
    """Store a new draft at revision 1."""
    statement = (
        insert(workflow_definitions)
        .values(
            tenant_id=tenant,
            id=workflow_id,
            created_by=author,
            updated_by=author,
            editors=[author],
            **_columns_of(content),
        )
        .returning(*_C)
    )
    return _read((await connection.execute(statement)).one())


async def find(
    connection: AsyncConnection, tenant: str, workflow_id: UUID, *, lock: bool = False
) -> WorkflowRow | None:
    """A workflow, or None; with `lock` nobody else can change it before this transaction ends."""
    statement = select(*_C).where(_C.tenant_id == tenant, _C.id == workflow_id)
    if lock:
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _read(row)


async def find_many(
    connection: AsyncConnection, tenant: str, workflow_ids: Sequence[UUID], hidden: Hidden | None = None
) -> tuple[WorkflowRow, ...]:
    """Those that exist and are not hidden, in no particular order."""
    statement = select(*_C).where(_C.tenant_id == tenant, _C.id.in_(workflow_ids), *visible(hidden))
    return tuple(_read(row) for row in await connection.execute(statement))


async def find_window(
    connection: AsyncConnection, tenant: str, wanted: WorkflowConditions, window: Window
) -> tuple[tuple[WorkflowRow, ...], Found]:
    """Workflows of one window, newest first."""
    found = await look(connection, _filtered(tenant, wanted), _C.id, window)
    return tuple(_read(row) for row in found.rows), found


async def count_all(connection: AsyncConnection, tenant: str, wanted: WorkflowConditions) -> Count:
    """How many workflows the list has."""
    return await count(connection, _filtered(tenant, wanted))


async def replace_draft(
    connection: AsyncConnection, tenant: str, workflow_id: UUID, revision: int, content: DraftContent, author: str
) -> WorkflowRow | None:
    """Write a new draft over the one of `revision`; None: it is at another revision now, or archived."""
    author_alone = func.jsonb_build_array(cast(author, Text))
    editors = case((_C.editors.contains(author_alone), _C.editors), else_=_C.editors.op("||")(author_alone))
    statement = (
        update(workflow_definitions)
        .where(_C.tenant_id == tenant, _C.id == workflow_id, _C.revision == revision, _C.status != "archived")
        .values(
            revision=revision + 1, updated_by=author, updated_at=func.now(), editors=editors, **_columns_of(content)
        )
        .returning(*_C)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _read(row)


async def archive(connection: AsyncConnection, tenant: str, workflow_id: UUID, author: str) -> WorkflowRow | None:
    """Take a workflow out of use; None: it was already, or there is none."""
    statement = (
        update(workflow_definitions)
        .where(_C.tenant_id == tenant, _C.id == workflow_id, _C.status != "archived")
        .values(
            status="archived",
            is_active=False,
            archived_at=func.now(),
            updated_at=func.now(),
            updated_by=author,
            revision=_C.revision + 1,
        )
        .returning(*_C)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _read(row)


async def mark_published(
    connection: AsyncConnection, tenant: str, workflow_id: UUID, version: str, content_hash: str
) -> None:
    """Say which version is the latest; the draft and its revision stay as they are, its editors are forgotten."""
    await connection.execute(
        update(workflow_definitions)
        .where(_C.tenant_id == tenant, _C.id == workflow_id)
        .values(status="published", latest_version=version, latest_content_hash=content_hash, editors=[])
    )


def _filtered(tenant: str, wanted: WorkflowConditions) -> Select[Any]:
    statement = select(*_C).where(_C.tenant_id == tenant, *visible(wanted.hidden))
    if wanted.status is None:
        statement = statement.where(_C.status != "archived")
    else:
        statement = statement.where(_C.status == wanted.status)
    if wanted.is_active is not None:
        statement = statement.where(_C.is_active == wanted.is_active)
    if wanted.search:
        pattern = f"%{_escaped(wanted.search)}%"
        statement = statement.where(
            or_(_C.name.ilike(pattern, escape=_BACKSLASH), _C.description.ilike(pattern, escape=_BACKSLASH))
        )
    return statement


def _escaped(text: str) -> str:
    for special in (_BACKSLASH, "%", "_"):
        text = text.replace(special, _BACKSLASH + special)
    return text


def _columns_of(content: DraftContent) -> dict[str, object]:
    return {
        "name": content.name,
        "description": content.description,
        "definition": content.definition,
        "draft_hash": content.draft_hash,
        "is_active": content.is_active,
        "labels": list(content.labels),
        "classification": content.classification,
        "environment": content.environment,
    }


def _read(row: Row[Any]) -> WorkflowRow:
    return WorkflowRow(
        tenant=row.tenant_id,
        id=row.id,
        name=row.name,
        description=row.description,
        definition=row.definition,
        draft_hash=row.draft_hash,
        status=row.status,
        is_active=row.is_active,
        revision=row.revision,
        latest_version=row.latest_version,
        latest_content_hash=row.latest_content_hash,
        labels=tuple(row.labels),
        classification=row.classification,
        environment=row.environment,
        created_by=row.created_by,
        updated_by=row.updated_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        editors=tuple(row.editors),
    )
