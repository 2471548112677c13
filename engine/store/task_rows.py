"""Rows of human tasks as values: what workers write beside a checkpoint, and use cases in their own transactions."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

from engine.jsonvalue import Json, JsonObject


@dataclass(frozen=True, slots=True)
class TimerRow:
    """One timer of a task.

    Attributes:
        slot: tells timers of one kind apart (`iteration` of the table).
        generation: how often it has fired before.
    """

    kind: str
    due_at: datetime
    slot: str = ""
    generation: int = 0


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be written, activated already: its trail begins with its creation and its activation.

    Attributes:
        status: after activation.
        context: what its step was given; None of tasks without a step.
        at: when it was activated.
        actor: who created it, for the trail.
        on_behalf_of: for whom, where that is somebody else.
    """

    title: str
    status: str
    created_by: str
    at: datetime
    actor: str
    on_behalf_of: str | None = None
    request_id: str = ""
    execution_id: UUID | None = None
    workflow_id: UUID | None = None
    step_path: str | None = None
    iteration: str = ""
    generation: int = 0
    description: str = ""
    assignees: tuple[str, ...] = ()
    candidate_groups: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    owner: str | None = None
    priority: int = 2
    form_config: JsonObject = field(default_factory=dict)
    context: Json = None
    sla: JsonObject = field(default_factory=dict)
    escalation: tuple[JsonObject, ...] = ()
    skippable: bool = False
    approvals: JsonObject | None = None
    start_by: datetime | None = None
    due_at: datetime | None = None
    timers: tuple[TimerRow, ...] = ()


OPENING_STEPS = 2
"""Rows of the trail that a new task has: its creation and its activation."""


def columns_of(tenant: str, task_id: UUID, new: NewTask) -> dict[str, object]:
    """Columns of a new row."""
    return {
        "tenant_id": tenant,
        "id": task_id,
        "execution_id": new.execution_id,
        "workflow_id": new.workflow_id,
        "step_path": new.step_path,
        "iteration": new.iteration,
        "generation": new.generation,
        "title": new.title,
        "description": new.description,
        "assignees": list(new.assignees),
        "candidate_groups": list(new.candidate_groups),
        "excluded": list(new.excluded),
        "owner": new.owner,
        "status": new.status,
        "priority": new.priority,
        "form_config": new.form_config,
        "context": new.context,
        "sla": new.sla,
        "escalation": list(new.escalation),
        "skippable": new.skippable,
        "approvals": new.approvals,
        "start_by": new.start_by,
        "due_at": new.due_at,
        "created_by": new.created_by,
        "created_at": new.at,
        "activated_at": new.at,
        "audit_seq": OPENING_STEPS,
    }


def document_of(tenant: str, task_id: UUID, new: NewTask) -> JsonObject:
    """The same columns as JSON, for statements that write many rows at once."""
    document = {
        name: str(value) if isinstance(value, UUID | datetime) else value
        for name, value in columns_of(tenant, task_id, new).items()
    }
    return cast("JsonObject", document)
