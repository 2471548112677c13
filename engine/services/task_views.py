"""Human tasks between their forms: rows, the state machine's values, and what readers get."""

from datetime import datetime
from uuid import UUID

from engine.clock import rfc3339
from engine.definitions.model import Priority
from engine.errors import NotFound
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.services.digests import state_hash
from engine.services.task_values import Comment, HumanTask, TrailEntry
from engine.store.human_tasks import TaskRow
from engine.store.task_rows import NewTask, TimerRow
from engine.store.task_trails import CommentRow, TrailRow
from engine.tasks.clocks import Sla, TaskTimer, TaskTimerKind
from engine.tasks.escalation import Level
from engine.tasks.opening import Draft, Opened
from engine.tasks.states import TaskStatus
from engine.tasks.task import Approvals, Task, Vote


def task_missing(task_id: UUID) -> NotFound:
    """There is no such task, or it is another tenant's."""
    return NotFound("human task", str(task_id))


def task_of(row: TaskRow) -> Task:
    """A row as the state machine sees it."""
    return Task(
        id=row.id,
        status=TaskStatus(row.status),
        assignees=row.assignees,
        candidate_groups=row.candidate_groups,
        excluded=row.excluded,
        owner=row.owner,
        suspended_from=None if row.suspended_from is None else TaskStatus(row.suspended_from),
        skippable=row.skippable,
        approvals=_approvals(row.approvals),
        votes=tuple(_vote(vote) for vote in row.votes),
        priority=row.priority,
        escalation_level=row.escalation_level,
        start_by=row.start_by,
        due_at=row.due_at,
        sla_breached=row.sla_breached,
    )


def columns_of(before: Task, after: Task) -> dict[str, object]:
    """Columns of the row that differ between two states of a task."""
    stored = {
        "status": (before.status.value, after.status.value),
        "assignees": (list(before.assignees), list(after.assignees)),
        "candidate_groups": (list(before.candidate_groups), list(after.candidate_groups)),
        "excluded": (list(before.excluded), list(after.excluded)),
        "owner": (before.owner, after.owner),
        "suspended_from": (_text(before.suspended_from), _text(after.suspended_from)),
        "votes": ([vote_body(vote) for vote in before.votes], [vote_body(vote) for vote in after.votes]),
        "priority": (before.priority, after.priority),
        "escalation_level": (before.escalation_level, after.escalation_level),
        "due_at": (before.due_at, after.due_at),
        "sla_breached": (before.sla_breached, after.sla_breached),
    }
    return {name: new for name, (old, new) in stored.items() if old != new}


def view_of(row: TaskRow, trail: tuple[TrailRow, ...] | None = None) -> HumanTask:
    """A task as readers get it."""
    return HumanTask(
        id=row.id,
        execution_id=row.execution_id,
        workflow_id=row.workflow_id,
        step_id=None if row.step_path is None else row.step_path.rsplit("/", 1)[-1],
        iteration=row.iteration or None,
        title=row.title,
        description=row.description,
        assignees=row.assignees,
        candidate_groups=row.candidate_groups,
        excluded=row.excluded,
        owner=row.owner,
        status=TaskStatus(row.status),
        priority=Priority(row.priority),
        form_config=row.form_config,
        form_data=row.form_data,
        skippable=row.skippable,
        approvals=row.approvals,
        votes=tuple(_vote(vote) for vote in row.votes),
        sla=row.sla,
        escalation=row.escalation,
        start_by=row.start_by,
        due_at=row.due_at,
        sla_breached=row.sla_breached,
        escalation_level=row.escalation_level,
        created_by=row.created_by,
        submitted_by=row.submitted_by,
        submitted_at=row.submitted_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        closed_at=row.closed_at,
        revision=row.revision,
        trail=None if trail is None else tuple(entry_of(entry) for entry in trail),
    )


def entry_of(row: TrailRow) -> TrailEntry:
    """One step of a trail as readers get it."""
    return TrailEntry(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        on_behalf_of=row.on_behalf_of,
        from_status=None if row.from_status is None else TaskStatus(row.from_status),
        to_status=TaskStatus(row.to_status),
        action=row.action,
        reason=row.reason,
        request_id=row.request_id,
        details=row.details,
    )


def comment_of(row: CommentRow) -> Comment:
    """A comment as readers get it."""
    return Comment(row.id, row.author, row.body, row.created_at)


def new_task(draft: Draft, opened: Opened, now: datetime, created_by: str, actor: str) -> NewTask:
    """The row of a task that was just opened."""
    task = opened.activated.task
    approvals = draft.approvals
    return NewTask(
        title=draft.title,
        status=task.status.value,
        created_by=created_by,
        at=now,
        actor=actor,
        description=draft.description,
        assignees=task.assignees,
        candidate_groups=task.candidate_groups,
        excluded=task.excluded,
        owner=task.owner,
        priority=task.priority,
        form_config=draft.form_config or {},
        sla=_sla_body(draft.sla),
        escalation=tuple(_level_body(level) for level in draft.escalation),
        skippable=task.skippable,
        approvals=None if approvals is None else {"required": approvals.required, "of": approvals.of},
        start_by=task.start_by,
        due_at=task.due_at,
        timers=tuple(timer_row(timer) for timer in opened.timers),
    )


def timer_row(timer: TaskTimer) -> TimerRow:
    """A timer as it is stored."""
    slot = "" if timer.level is None else str(timer.level)
    return TimerRow(timer.kind.value, timer.due_at, slot, timer.repeat)


def timer_of(row: TimerRow) -> TaskTimer:
    """A stored timer."""
    return TaskTimer(TaskTimerKind(row.kind), row.due_at, int(row.slot) if row.slot else None, row.generation)


def task_hash(row: TaskRow) -> str:
    """Digest of where a task stands."""
    return state_hash({"status": row.status, "owner": row.owner, "revision": row.revision, "formData": row.form_data})


def vote_body(vote: Vote) -> JsonObject:
    """A vote as it is stored and answered."""
    return {"by": vote.by, "at": rfc3339(vote.at), "approved": vote.approved, "formData": vote.form_data}


def acting(actor: Actor, owner: str | None) -> tuple[str, str | None]:
    """Who acts, and on whose behalf.

    A token that names another actor (`act.sub`, RFC 8693) is used on behalf of its subject; else whoever moves a task
    that somebody else owns does it on behalf of that owner.
    """
    act = actor.attributes.get("act")
    if isinstance(act, dict) and isinstance(name := act.get("sub"), str) and name:
        return name, actor.subject
    return actor.subject, owner if owner not in {None, actor.subject} else None


def _approvals(value: JsonObject | None) -> Approvals | None:
    if value is None:
        return None
    required, of = value.get("required"), value.get("of")
    wanted = required if isinstance(required, int) else 1
    return Approvals(wanted, of if isinstance(of, int) else wanted)


def _vote(value: Json) -> Vote:
    body = value if isinstance(value, dict) else {}
    form = body.get("formData")
    at = datetime.fromisoformat(str(body["at"]))
    return Vote(str(body["by"]), at, body.get("approved") is True, form if isinstance(form, dict) else {})


def _sla_body(sla: Sla) -> JsonObject:
    body: JsonObject = {"startMs": sla.start_ms, "completionMs": sla.completion_ms, "warnAtPct": sla.warn_at_pct}
    return {name: value for name, value in body.items() if value is not None}


def _level_body(level: Level) -> JsonObject:
    assignees: list[Json] = [*level.assignees]
    groups: list[Json] = [*level.groups]
    body: JsonObject = {"afterMs": level.after_ms, "action": level.action.value}
    if assignees:
        body["assignees"] = assignees
    if groups:
        body["groups"] = groups
    if level.repeat_ms is not None:
        body["repeatMs"] = level.repeat_ms
    if level.notifications is not None:
        body["notification"] = [*level.notifications]
    return body


def _text(status: TaskStatus | None) -> str | None:
    return None if status is None else status.value
