"""Values of the services as types of the graph."""

from collections.abc import Callable
from typing import TypeVar

import strawberry

from engine.services import values
from engine.services.evidence import EvidenceView
from engine.services.slots import Slot
from schema import executions, workflows
from schema.paging import Connection, Edge, PageInfo
from schema.scalars import JSON, Cursor, Duration, SemVer
from schema.templates import WorkflowTemplate

Value = TypeVar("Value")
Node = TypeVar("Node")


def workflow(value: values.Workflow) -> workflows.Workflow:
    """Workflow of the graph."""
    return workflows.Workflow(
        id=strawberry.ID(str(value.id)),
        name=value.name,
        description=value.description,
        status=workflows.WorkflowStatus(value.status),
        is_active=value.is_active,
        version=SemVer(value.version),
        published_version=None if value.published_version is None else SemVer(value.published_version),
        revision=value.revision,
        definition=JSON(value.definition),
        created_by=value.created_by,
        created_at=value.created_at,
        updated_at=value.updated_at,
    )


def version(value: values.Version) -> workflows.WorkflowVersion:
    """Published version of the graph."""
    entry = value.provenance
    return workflows.WorkflowVersion(
        workflow_id=strawberry.ID(str(value.workflow_id)),
        version=SemVer(value.version),
        content_hash=value.content_hash,
        definition=JSON(value.definition),
        change_summary=value.change_summary,
        created_by=value.created_by,
        created_at=value.created_at,
        provenance=workflows.Provenance(
            status=workflows.ProvenanceStatus(entry.status),
            log_index=entry.log_index,
            leaf_hash=entry.leaf_hash,
            proof=entry.proof,
        ),
    )


def slot(value: Slot) -> workflows.WorkflowSlot:
    """Slot of the graph."""
    return workflows.WorkflowSlot(
        slot=value.slot, execution_id=strawberry.ID(str(value.execution_id)), taken_at=value.taken_at
    )


def error(value: values.ErrorView | None) -> executions.ExecutionError | None:
    """Why something failed, None of none."""
    if value is None:
        return None
    details = None if value.details is None else JSON(value.details)
    return executions.ExecutionError(code=value.code, message=value.message, step_id=value.step_id, details=details)


def step(value: values.StepView) -> executions.ExecutionStep:
    """Step of the graph."""
    return executions.ExecutionStep(
        step_id=value.step_id,
        status=executions.StepStatus(value.status),
        started_at=value.started_at,
        completed_at=value.completed_at,
        input=JSON(value.input),
        output=JSON(value.output),
        error=error(value.error),
        retry_count=value.retry_count,
        duration=None if value.duration_ms is None else Duration(value.duration_ms),
        iteration=value.iteration,
        parent_step_id=value.parent_step_id,
    )


def execution(value: values.Execution) -> executions.Execution:
    """Execution of the graph."""
    parent = value.parent_execution_id
    return executions.Execution(
        id=strawberry.ID(str(value.id)),
        workflow_id=strawberry.ID(str(value.workflow_id)),
        workflow_version=SemVer(value.workflow_version),
        status=executions.ExecutionStatus(value.status),
        trigger_type=value.trigger_type,
        trigger_data=JSON(value.trigger_data),
        priority=executions.Priority(value.priority.name.lower()),
        current_step=value.current_step,
        started_by=value.started_by,
        created_at=value.created_at,
        started_at=value.started_at,
        completed_at=value.completed_at,
        failed_steps=list(value.failed_steps),
        error=error(value.error),
        parent_execution_id=None if parent is None else strawberry.ID(str(parent)),
    )


def update(value: values.ExecutionEvent) -> executions.ExecutionUpdate:
    """Recorded transition of the graph."""
    return executions.ExecutionUpdate(
        event_id=strawberry.ID(str(value.seq)),
        at=value.at,
        execution_id=strawberry.ID(str(value.execution_id)),
        status=value.status,
        attempt=value.attempt,
        step=None if value.step is None else step(value.step),
        error=error(value.error),
    )


def evidence(value: EvidenceView) -> executions.ExecutionEvidence:
    """Evidence of the graph."""
    return executions.ExecutionEvidence(state=executions.EvidenceState(value.state), url=value.url)


def log_entry(value: values.LogEntry) -> executions.LogEntry:
    """Log line of the graph."""
    return executions.LogEntry(
        at=value.at,
        level=value.level,
        message=value.message,
        step_id=value.step_id,
        iteration=value.iteration,
        attempt=value.attempt,
        fields=JSON(value.fields),
    )


def template(value: values.Template) -> WorkflowTemplate:
    """Template of the graph."""
    return WorkflowTemplate(
        id=strawberry.ID(value.id),
        name=value.name,
        description=value.description,
        category=value.category,
        definition=JSON(value.definition),
        usage_count=value.usage_count,
        is_built_in=value.is_built_in,
    )


def connection(found: values.Slice[Value], shape: Callable[[Value], Node]) -> Connection[Node]:
    """Page of a list as a connection."""
    cursors = [Cursor(cursor) for cursor in found.cursors]
    edges = [Edge(cursor=cursor, node=shape(item)) for cursor, item in zip(cursors, found.items, strict=True)]
    return Connection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=found.has_next,
            has_previous_page=found.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
        total_count=found.total,
    )
