"""What policy and audit get to know of stored things: facts from rows, never from what the caller says."""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from engine.errors import NotFound
from engine.jsonvalue import Json
from engine.policy.gate import Resource
from engine.services.digests import state_hash
from engine.store.executions import ExecutionRow
from engine.store.workflows import WorkflowRow


def workflow_missing(workflow_id: UUID) -> NotFound:
    """There is no such workflow, or it is another tenant's: nobody can tell which."""
    return NotFound("workflow", str(workflow_id))


def execution_missing(execution_id: UUID) -> NotFound:
    """There is no such execution, or it is another tenant's."""
    return NotFound("execution", str(execution_id))


def workflow_resource(row: WorkflowRow, contents: Mapping[str, Json] = MappingProxyType({})) -> Resource:
    """A workflow as policy sees it; `contents`: of the document that it is about (`engine.services.contents`)."""
    labels: list[Json] = list(row.labels)
    editors: list[Json] = list(row.editors)
    return Resource(
        "workflow",
        str(row.id),
        {
            "tenant": row.tenant,
            "name": row.name,
            "status": row.status,
            "labels": labels,
            "classification": row.classification,
            "environment": row.environment,
            "createdBy": row.created_by,
            "updatedBy": row.updated_by,
            "editors": editors,
            "requireSeparatePublisher": row.definition.get("requireSeparatePublisher", False),
            **contents,
        },
    )


def execution_resource(row: ExecutionRow) -> Resource:
    """An execution as policy sees it, with where its workflow belongs."""
    labels: list[Json] = list(row.labels)
    return Resource(
        "execution",
        str(row.id),
        {
            "tenant": row.tenant,
            "workflowId": str(row.workflow_id),
            "workflowVersion": row.workflow_version,
            "status": row.status,
            "startedBy": row.started_by,
            "labels": labels,
            "classification": row.classification,
            "environment": row.environment,
            "workflowCreatedBy": row.workflow_created_by,
        },
    )


def workflow_hash(row: WorkflowRow) -> str:
    """Digest of all that an edit, a publish or an archive can change."""
    return state_hash(
        {
            "draftHash": row.draft_hash,
            "status": row.status,
            "isActive": row.is_active,
            "revision": row.revision,
            "latestVersion": row.latest_version,
            "latestContentHash": row.latest_content_hash,
        }
    )


def execution_hash(row: ExecutionRow) -> str:
    """Digest of where an execution stands."""
    return state_hash({"status": row.status, "lastSeq": row.last_seq, "contentHash": row.content_hash})
