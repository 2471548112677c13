"""Rows that tests put straight into tables."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import insert

from engine.store import versions, workflows
from engine.store.database import Database
from engine.store.tables.runtime import executions, step_checkpoints
from engine.store.versions import NewVersion
from engine.store.workflows import DraftContent, WorkflowRow

CONTENT = DraftContent("Orders", "", {"name": "Orders", "steps": []}, "sha256:0", True, ("a",), None, None)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def add_workflow(database: Database, tenant: str, content: DraftContent = CONTENT) -> WorkflowRow:
    async with database.transaction(tenant) as connection:
        return await workflows.add(connection, tenant, uuid4(), content, "ann")


async def add_version(database: Database, tenant: str, workflow_id: UUID, version: str = "1.0.0") -> None:
    new = NewVersion(
        tenant=tenant,
        workflow_id=workflow_id,
        version=version,
        content_hash="sha256:0",
        definition={"name": "Orders", "steps": []},
        manifest="{}",
        previous_version=None,
        previous_content_hash=None,
        change_summary="",
        published_by="ann",
        published_at=LONG_AGO,
        policy_revision="1",
        decision_id=uuid4(),
    )
    async with database.transaction(tenant) as connection:
        await versions.add(connection, new)
        await workflows.mark_published(connection, tenant, workflow_id, version, "sha256:0")


async def add_execution(database: Database, tenant: str, workflow_id: UUID, **columns: object) -> UUID:
    execution_id = UUID(str(columns.pop("id", uuid4())))
    async with database.transaction(tenant) as connection:
        await connection.execute(
            insert(executions).values(
                tenant_id=tenant,
                id=execution_id,
                workflow_id=workflow_id,
                workflow_version="1.0.0",
                content_hash="sha256:0",
                trigger_data={},
                started_by="ann",
                **columns,
            )
        )
    return execution_id


async def add_checkpoint(
    database: Database, tenant: str, execution_id: UUID, seq: int, path: str, status: str, **columns: object
) -> None:
    async with database.transaction(tenant) as connection:
        await connection.execute(
            insert(step_checkpoints).values(
                tenant_id=tenant,
                execution_id=execution_id,
                seq=seq,
                step_path=path,
                status=status,
                at=LONG_AGO,
                lease_epoch=1,
                **columns,
            )
        )
