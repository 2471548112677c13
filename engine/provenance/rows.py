"""Stored rows as objects of the bundle's members.

This is format 1 of the members. Evidence that was sealed in it is exported in it for ever: a change here is a new
format beside it, not an edit.
"""

from engine.clock import rfc3339
from engine.jsonvalue import Json, JsonObject, loads
from engine.provenance.members import Large, Row
from engine.store.evidence import CheckpointRow, DecisionRow, FinishedRow, TaskRow


def execution_row(row: FinishedRow) -> Row:
    """`execution.json`."""
    members: JsonObject = {
        "id": str(row.id),
        "tenant": row.tenant,
        "workflowId": str(row.workflow_id),
        "workflowVersion": row.version,
        "contentHash": row.content_hash,
        "status": row.status,
        "triggerType": row.trigger_type,
        "priority": row.priority,
        "startedBy": row.started_by,
        "createdAt": rfc3339(row.created_at),
        "startedAt": None if row.started_at is None else rfc3339(row.started_at),
        "completedAt": rfc3339(row.finished_at),
        "failedSteps": [] if row.failed_steps is None else loads(row.failed_steps),
        "parentExecutionId": None if row.parent_execution_id is None else str(row.parent_execution_id),
        "lastSeq": row.last_seq,
    }
    payloads = {"error": _payload(row.failure), "triggerData": _payload(row.trigger_data, row.trigger_large)}
    return Row(members, payloads)


def step_row(row: CheckpointRow) -> Row:
    """One line of `steps.jsonl`: a recorded transition; `stepPath` is empty for the execution itself.

    Instants have microseconds here: the core is run again over them.
    """
    return Row(
        {
            "seq": row.seq,
            "stepPath": row.step_path,
            "iteration": row.iteration,
            "generation": row.generation,
            "attempt": row.attempt,
            "status": row.status,
            "at": row.at.isoformat(),
        },
        {
            "input": _payload(row.input, row.input_large),
            "output": _payload(row.output, row.output_large),
            "failure": _payload(row.failure),
            "detail": _payload(row.detail),
        },
    )


def decision_row(row: DecisionRow) -> Row:
    """One line of `policy-decisions.jsonl`."""
    return Row(
        {
            "decisionId": str(row.id),
            "at": rfc3339(row.at),
            "action": row.action,
            "requestedBy": row.requested_by,
            "resource": {"type": row.resource_type, "id": row.resource_id},
            "allowed": row.allowed,
            "mode": row.mode,
            "policyRevision": row.policy_revision,
            "path": row.path,
        },
        {"input": _payload(row.input), "result": _payload(row.result)},
    )


def task_row(row: TaskRow) -> Row:
    """One line of `human-tasks.jsonl`."""
    assignees: list[Json] = [*row.assignees]
    groups: list[Json] = [*row.candidate_groups]
    return Row(
        {
            "id": str(row.id),
            "stepPath": row.step_path,
            "iteration": row.iteration,
            "generation": row.generation,
            "title": row.title,
            "status": row.status,
            "owner": row.owner,
            "assignees": assignees,
            "candidateGroups": groups,
            "priority": row.priority,
            "escalationLevel": row.escalation_level,
            "slaBreached": row.sla_breached,
            "createdBy": row.created_by,
            "createdAt": rfc3339(row.created_at),
            "submittedBy": row.submitted_by,
            "submittedAt": None if row.submitted_at is None else rfc3339(row.submitted_at),
            "closedAt": None if row.closed_at is None else rfc3339(row.closed_at),
            "auditTrail": [] if row.audit_trail is None else loads(row.audit_trail),
        },
        {"formData": _payload(row.form_data)},
    )


def _payload(text: str | None, large: str | None = None) -> bytes | Large | None:
    if large is not None:
        sha256, _, size = large.partition(" ")
        return Large(sha256, int(size))
    return None if text is None else text.encode()
