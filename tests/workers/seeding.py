"""Rows that tests start from: published versions and accepted executions, written as the services write them."""

import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg

from engine.ids import uuid7
from engine.jsonvalue import Json, JsonObject, dumps
from engine.store.database import APP_ROLE, tenant_array


def new_id() -> UUID:
    return uuid7(datetime.now(UTC), os.urandom(10))


_ENTER = "select set_config('role', $1, false), set_config('maestro.tenants', $2, false)"
_DEFINITION = """
insert into workflow_definitions (tenant_id, id, name, definition, draft_hash, status, latest_version,
                                  latest_content_hash, created_by, updated_by)
values ($1, $2, 'test', $3, $4, 'published', $5, $4, 'tester', 'tester')
on conflict (tenant_id, id) do update set latest_version = $5, latest_content_hash = $4
"""
_VERSION = """
insert into workflow_versions (tenant_id, workflow_id, version, sequence, content_hash, definition, manifest,
                               published_by, published_at, policy_revision, decision_id)
select $1, $2, $3, count(*) + 1, $4, $5, '{}', 'tester', now(), 'r', $6 from workflow_versions where workflow_id = $2
"""
_EXECUTIONS = """
insert into executions (tenant_id, id, workflow_id, workflow_version, content_hash, trigger_data, started_by)
select $1, e, $2, $3, $4, $5, 'tester' from unnest($6::uuid[]) e
"""


@dataclass(frozen=True, slots=True)
class Version:
    tenant: str
    workflow_id: UUID
    version: str
    content_hash: str


def step(
    step_id: str, targets: Sequence[str] = (), kind: str = "action", config: JsonObject | None = None
) -> JsonObject:
    """One step; of kind action a `noop` unless its config says otherwise."""
    noop: JsonObject = {"actionType": "noop", "actionConfig": {}} if kind == "action" else {}
    connections: list[Json] = [{"targetStepId": target, "condition": "success"} for target in targets]
    return {
        "id": step_id,
        "name": step_id,
        "type": kind,
        "config": noop | (config or {}),
        "position": {"x": 0, "y": 0},
        "connections": connections,
        "isEnabled": True,
    }


def chain(length: int, config: JsonObject | None = None) -> list[JsonObject]:
    """A chain of action steps `s0` to `s<length-1>`."""
    return [step(f"s{n}", [f"s{n + 1}"] if n + 1 < length else [], config=config) for n in range(length)]


def document(steps: Sequence[JsonObject], **settings: Json) -> JsonObject:
    return {"name": "test", "steps": list(steps), "triggers": [], "settings": settings}


@asynccontextmanager
async def _as_tenant(url: str, tenant: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_ENTER, APP_ROLE, tenant_array([tenant]))
        yield connection
    finally:
        await connection.close()


async def publish(
    url: str, body: JsonObject, *, tenant: str = "default", version: str = "1.0.0", workflow_id: UUID | None = None
) -> Version:
    """A published version of a workflow, the latest of it."""
    text = dumps(body)
    content_hash = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    found = Version(tenant, workflow_id or uuid4(), version, content_hash)
    async with _as_tenant(url, tenant) as connection:
        await connection.execute(_DEFINITION, tenant, found.workflow_id, text, content_hash, version)
        await connection.execute(_VERSION, tenant, found.workflow_id, version, content_hash, text, uuid4())
    return found


async def accept(url: str, version: Version, count: int = 1, trigger_data: Json = None) -> list[UUID]:
    """Accepted executions of a version, as after a committed execute call; nobody has rung for them yet."""
    ids = [new_id() for _ in range(count)]
    data = dumps({} if trigger_data is None else trigger_data)
    async with _as_tenant(url, version.tenant) as connection:
        await connection.execute(
            _EXECUTIONS, version.tenant, version.workflow_id, version.version, version.content_hash, data, ids
        )
    return ids
