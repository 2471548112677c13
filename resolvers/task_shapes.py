"""Human tasks of the services as types of the graph."""

import strawberry

from engine.services import task_values as values
from schema import human_tasks as graph
from schema.executions import Priority
from schema.scalars import JSON


def human_task(value: values.HumanTask) -> graph.HumanTask:
    """Task of the graph."""
    return graph.HumanTask(
        id=strawberry.ID(str(value.id)),
        execution_id=None if value.execution_id is None else strawberry.ID(str(value.execution_id)),
        workflow_id=None if value.workflow_id is None else strawberry.ID(str(value.workflow_id)),
        step_id=value.step_id,
        iteration=value.iteration,
        title=value.title,
        description=value.description,
        assignees=list(value.assignees),
        candidate_groups=list(value.candidate_groups),
        excluded=list(value.excluded),
        owner=value.owner,
        status=graph.HumanTaskStatus(value.status),
        priority=Priority(value.priority.name.lower()),
        form_config=JSON(value.form_config),
        form_data=None if value.form_data is None else JSON(value.form_data),
        skippable=value.skippable,
        approvals=None if value.approvals is None else JSON(value.approvals),
        votes=[
            graph.HumanTaskVote(by=vote.by, at=vote.at, approved=vote.approved, form_data=JSON(vote.form_data))
            for vote in value.votes
        ],
        sla=JSON(value.sla),
        escalation=JSON(list(value.escalation)),
        start_by=value.start_by,
        due_date=value.due_at,
        sla_breached=value.sla_breached,
        escalation_level=value.escalation_level,
        created_by=value.created_by,
        submitted_by=value.submitted_by,
        submitted_at=value.submitted_at,
        created_at=value.created_at,
        updated_at=value.updated_at,
        completed_at=value.closed_at,
        revision=value.revision,
    )


def trail_entry(value: values.TrailEntry) -> graph.AuditTrailEntry:
    """Step of a trail of the graph."""
    before = value.from_status
    return graph.AuditTrailEntry(
        seq=value.seq,
        at=value.at,
        actor=value.actor,
        on_behalf_of=value.on_behalf_of,
        from_=None if before is None else graph.HumanTaskStatus(before),
        to=graph.HumanTaskStatus(value.to_status),
        action=value.action,
        reason=value.reason,
        request_id=value.request_id,
        details=None if value.details is None else JSON(value.details),
    )


def comment(value: values.Comment) -> graph.HumanTaskComment:
    """Comment of the graph."""
    return graph.HumanTaskComment(
        id=strawberry.ID(str(value.id)), author=value.author, comment=value.text, created_at=value.created_at
    )


def task_update(value: values.TaskEvent) -> graph.HumanTaskUpdate:
    """Step of a watched task of the graph."""
    return graph.HumanTaskUpdate(
        event_id=strawberry.ID(value.id), entry=trail_entry(value.entry), human_task=human_task(value.task)
    )
