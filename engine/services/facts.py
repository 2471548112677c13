"""What policy and audit get to know of stored things: facts from rows, never from what the caller says."""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from engine.errors import NotFound
from engine.jsonvalue import Json, JsonObject
from engine.policy.gate import Resource
from engine.services.digests import state_hash
from engine.store.dead_letters import DeadLetterRow
from engine.store.executions import ExecutionRow
from engine.store.human_tasks import TaskRow
from engine.store.schedules import ScheduleRow
from engine.store.visibility import Belonging
from engine.store.webhook_deliveries import Delivery
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


def belonging_of(row: WorkflowRow | ExecutionRow) -> Belonging:
    """Where the workflow of a row stands."""
    created_by = row.created_by if isinstance(row, WorkflowRow) else row.workflow_created_by
    return Belonging(row.labels, row.classification, row.environment, created_by)


def belonging_facts(belonging: Belonging | None) -> JsonObject:
    """What policy gets to know of the workflow that something belongs to; nothing where it belongs to none."""
    if belonging is None:
        return {}
    return {
        "labels": [*belonging.labels],
        "classification": belonging.classification,
        "environment": belonging.environment,
        "workflowCreatedBy": belonging.created_by,
    }


def task_resource(row: TaskRow, belonging: Belonging | None) -> Resource:
    """A task as policy sees it."""
    return Resource(
        "human_task",
        str(row.id),
        {
            "tenant": row.tenant,
            "workflowId": None if row.workflow_id is None else str(row.workflow_id),
            "executionId": None if row.execution_id is None else str(row.execution_id),
            "stepId": row.step_path,
            "status": row.status,
            "owner": row.owner,
            "assignees": [*row.assignees],
            "candidateGroups": [*row.candidate_groups],
            "createdBy": row.created_by,
            **belonging_facts(belonging),
        },
    )


def schedule_resource(row: ScheduleRow, belonging: Belonging | None) -> Resource:
    """A schedule as policy sees it."""
    facts: JsonObject = {"tenant": row.tenant, "workflowId": str(row.workflow_id), "status": row.status}
    return Resource("schedule", str(row.id), facts | belonging_facts(belonging))


def dead_letter_resource(row: DeadLetterRow, belonging: Belonging | None) -> Resource:
    """A dead letter as policy sees it."""
    facts: JsonObject = {"tenant": row.tenant, "kind": row.kind, "status": row.status, "code": row.cause_code}
    return Resource("dead_letter", str(row.id), facts | belonging_facts(belonging))


def delivery_resource(row: Delivery, belonging: Belonging | None) -> Resource:
    """A webhook delivery as policy sees it."""
    facts: JsonObject = {"tenant": row.tenant, "workflowId": str(row.workflow_id), "outcome": row.outcome}
    return Resource("webhook_delivery", str(row.id), facts | belonging_facts(belonging))


def secret_resource(workflow: WorkflowRow, secret_id: UUID | None) -> Resource:
    """A webhook secret, or all of a workflow, as policy sees it."""
    facts: JsonObject = {"tenant": workflow.tenant, "workflowId": str(workflow.id)}
    identifier = None if secret_id is None else str(secret_id)
    return Resource("webhook_secret", identifier, facts | belonging_facts(belonging_of(workflow)))


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
