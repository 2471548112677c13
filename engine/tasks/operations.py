"""The state machine of human tasks: pure functions from a task and an operation to the task after it.

Raised: `Conflict` where the state does not allow it (409), `NotTheirs` where the person may not (403). Nothing is
changed by a call that raises.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.definitions.model import Priority
from engine.errors import Conflict, Denial, Denied
from engine.jsonvalue import JsonObject
from engine.tasks.states import RULES, Part, TaskOperation, TaskStatus
from engine.tasks.task import SYSTEM, Approvals, Person, Task, Vote, is_candidate, parts_of

POLICY_NAME = "task_table"
TASK_TABLE_REVISION = "task-table-1"
REJECTIONS = frozenset({"reject", "rejected", "deny", "denied", "decline", "declined", "refuse", "refused", "no"})
"""Values of a field `decision` that speak against; any other speaks for."""


class NotTheirs(Denied):
    """The person is not who may do this to the task (HTTP 403). Who asked policy before knows the decision's id."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__("", TASK_TABLE_REVISION, (Denial(code, message, "/subject/id", POLICY_NAME),))
        self.code = code


@dataclass(frozen=True, slots=True)
class Step:
    """One transition, as the audit trail keeps it."""

    task: Task
    operation: TaskOperation
    before: TaskStatus
    details: JsonObject | None = None

    @property
    def after(self) -> TaskStatus:
        """The state that the task is in now."""
        return self.task.status


def activate(task: Task, person: Person) -> Step:
    """Give a new task to whom it is for: one candidate only is its owner at once."""
    check(task, TaskOperation.ACTIVATE, person)
    only = task.assignees[0] if len(task.assignees) == 1 and not task.candidate_groups else None
    if only is not None and only not in task.excluded:
        return _moved(task, TaskOperation.ACTIVATE, status=TaskStatus.ASSIGNED, owner=only)
    return _moved(task, TaskOperation.ACTIVATE, status=TaskStatus.PENDING)


def claim(task: Task, person: Person) -> Step:
    """Take a pending task. The loser of a race hears who has it."""
    if task.status in {TaskStatus.ASSIGNED, TaskStatus.IN_PROGRESS}:
        raise Conflict(
            f"The task is already claimed by {task.owner}.", code="task.already_claimed", facts={"owner": task.owner}
        )
    check(task, TaskOperation.CLAIM, person)
    return _moved(task, TaskOperation.CLAIM, status=TaskStatus.ASSIGNED, owner=person.subject)


def release(task: Task, person: Person) -> Step:
    """Give it back to its candidates."""
    check(task, TaskOperation.RELEASE, person)
    return _moved(task, TaskOperation.RELEASE, status=TaskStatus.PENDING, owner=None)


def assign(task: Task, person: Person, assignee: str, operation: TaskOperation = TaskOperation.ASSIGN) -> Step:
    """Make somebody its owner: `ASSIGN` by an administrator, `DELEGATE` by its owner."""
    check(task, operation, person)
    if assignee in task.excluded:
        raise Conflict(f"{assignee} may not own this task.", code="task.assignee_excluded")
    assignees = task.assignees if assignee in task.assignees else (*task.assignees, assignee)
    return _moved(
        task, operation, {"assignee": assignee}, status=TaskStatus.ASSIGNED, owner=assignee, assignees=assignees
    )


def forward(task: Task, person: Person, assignees: Sequence[str], groups: Sequence[str]) -> Step:
    """Offer it to other candidates instead."""
    check(task, TaskOperation.FORWARD, person)
    details: JsonObject = {"assignees": [*assignees], "candidateGroups": [*groups]}
    return _moved(
        task,
        TaskOperation.FORWARD,
        details,
        status=TaskStatus.PENDING,
        owner=None,
        assignees=tuple(assignees),
        candidate_groups=tuple(groups),
    )


def start(task: Task, person: Person, now: datetime) -> Step:
    """Begin to work on it; too late is allowed and marked."""
    check(task, TaskOperation.START, person)
    late = task.start_by is not None and now > task.start_by
    return _moved(task, TaskOperation.START, status=TaskStatus.IN_PROGRESS, sla_breached=task.sla_breached or late)


def suspend(task: Task, person: Person) -> Step:
    """Hold it. The clocks go on."""
    check(task, TaskOperation.SUSPEND, person)
    return _moved(task, TaskOperation.SUSPEND, status=TaskStatus.SUSPENDED, suspended_from=task.status)


def resume(task: Task, person: Person) -> Step:
    """Go on where it was suspended."""
    check(task, TaskOperation.RESUME, person)
    return _moved(task, TaskOperation.RESUME, status=task.suspended_from or TaskStatus.PENDING, suspended_from=None)


def complete(task: Task, person: Person, form_data: JsonObject, now: datetime) -> Step:
    """Hand in the form; too late is allowed and marked.

    A task that asks for several approvals stays open until enough have voted: it goes back to its candidates, of whom
    those who have voted are none any more.
    """
    check(task, TaskOperation.COMPLETE, person)
    late = task.sla_breached or (task.due_at is not None and now > task.due_at)
    if task.approvals is None:
        return _moved(task, TaskOperation.COMPLETE, status=TaskStatus.COMPLETED, sla_breached=late)
    vote = Vote(person.subject, now, is_approval(form_data), form_data)
    votes = (*task.votes, vote)
    details: JsonObject = {"approved": vote.approved, "votes": len(votes)}
    if outcome_of(task.approvals, votes) is not None:
        return _moved(
            task, TaskOperation.COMPLETE, details, status=TaskStatus.COMPLETED, votes=votes, sla_breached=late
        )
    return _moved(
        task,
        TaskOperation.COMPLETE,
        details,
        status=TaskStatus.PENDING,
        owner=None,
        votes=votes,
        excluded=(*task.excluded, person.subject),
    )


def fail(task: Task, person: Person) -> Step:
    """Say that it cannot be done: its step fails."""
    check(task, TaskOperation.FAIL, person)
    return _moved(task, TaskOperation.FAIL, status=TaskStatus.FAILED)


def cancel(task: Task, person: Person) -> Step:
    """End it without a result: its step fails."""
    check(task, TaskOperation.CANCEL, person)
    return _moved(task, TaskOperation.CANCEL, status=TaskStatus.CANCELLED, suspended_from=None)


def skip(task: Task, person: Person) -> Step:
    """Pass it over, where its step allows that."""
    check(task, TaskOperation.SKIP, person)
    if not task.skippable:
        raise Conflict("This task may not be skipped.", code="task.not_skippable")
    return _moved(task, TaskOperation.SKIP, status=TaskStatus.SKIPPED, suspended_from=None)


def make_obsolete(task: Task, person: Person) -> Step:
    """Its execution ended without it."""
    check(task, TaskOperation.OBSOLETE, person)
    return _moved(task, TaskOperation.OBSOLETE, status=TaskStatus.OBSOLETE, suspended_from=None)


def update(task: Task, person: Person, edited: Sequence[str], priority: int | None, due_at: datetime | None) -> Step:
    """Change fields that a person may edit; `edited` names them for the audit trail.

    Args:
        task: the task.
        person: who edits.
        edited: names of the fields.
        priority: the new one; None leaves it.
        due_at: the deadline as it is from now on.
    """
    check(task, TaskOperation.UPDATE, person)
    details: JsonObject = {"fields": [*edited]}
    return _moved(
        task, TaskOperation.UPDATE, details, priority=task.priority if priority is None else priority, due_at=due_at
    )


def comment(task: Task, person: Person) -> Step:
    """Say something about it; nothing else changes."""
    check(task, TaskOperation.COMMENT, person)
    return _moved(task, TaskOperation.COMMENT)


def warn(task: Task, clock: str) -> Step:
    """A part of the time of a clock is over."""
    check(task, TaskOperation.WARN, SYSTEM)
    return _moved(task, TaskOperation.WARN, {"clock": clock})


def breach(task: Task, clock: str) -> Step:
    """The time of a clock is over and its goal was not reached."""
    check(task, TaskOperation.BREACH, SYSTEM)
    return _moved(task, TaskOperation.BREACH, {"clock": clock}, sla_breached=True)


def add_candidates(task: Task, person: Person, assignees: Sequence[str], groups: Sequence[str]) -> Step:
    """Escalation: more people may claim it."""
    check(task, TaskOperation.ESCALATE, person)
    details: JsonObject = {"assignees": [*assignees], "candidateGroups": [*groups]}
    return _escalated(
        task,
        details,
        assignees=_together(task.assignees, assignees),
        candidate_groups=_together(task.candidate_groups, groups),
    )


def reassign(task: Task, person: Person, assignees: Sequence[str], groups: Sequence[str]) -> Step:
    """Escalation: it is taken from its owner and offered to others; a single person becomes its owner.

    Where nobody is named, or only people who may not own it, it goes back to the candidates that it has.
    """
    check(task, TaskOperation.ESCALATE, person)
    details: JsonObject = {"assignees": [*assignees], "candidateGroups": [*groups]}
    people = tuple(name for name in assignees if name not in task.excluded)
    if not people and not groups:
        people, groups = task.assignees, task.candidate_groups
    only = people[0] if len(people) == 1 and not groups and people[0] not in task.excluded else None
    held = TaskStatus.ASSIGNED if only else TaskStatus.PENDING
    suspended = task.status is TaskStatus.SUSPENDED
    return _escalated(
        task,
        details,
        status=TaskStatus.SUSPENDED if suspended else held,
        suspended_from=held if suspended else None,
        owner=only,
        assignees=people,
        candidate_groups=tuple(groups),
    )


def raise_priority(task: Task, person: Person) -> Step:
    """Escalation: one priority up, up to the highest."""
    check(task, TaskOperation.ESCALATE, person)
    priority = max(int(Priority.CRITICAL), task.priority - 1)
    return _escalated(task, {"priority": priority}, priority=priority)


def notify(task: Task, person: Person, assignees: Sequence[str] = (), groups: Sequence[str] = ()) -> Step:
    """Escalation: somebody is told; nothing else changes."""
    check(task, TaskOperation.ESCALATE, person)
    return _escalated(task, {"assignees": [*assignees], "candidateGroups": [*groups]})


def fail_by_escalation(task: Task, person: Person) -> Step:
    """Escalation: it is too late; its step fails."""
    check(task, TaskOperation.ESCALATE, person)
    return _escalated(task, {"action": "fail"}, status=TaskStatus.FAILED, suspended_from=None)


def check(task: Task, operation: TaskOperation, person: Person) -> None:
    """Whether the table allows it.

    Raises:
        NotTheirs: this person may not.
        Conflict: not in this state.
    """
    rule = RULES[operation]
    if task.status not in rule.sources:
        raise Conflict(
            f"The task is {task.status}; {operation} is possible from {', '.join(sorted(rule.sources))}.",
            code=_CODES.get(operation, f"task.not_{operation}able"),
            facts={"taskStatus": str(task.status), "owner": task.owner},
        )
    if not rule.parts & parts_of(task, person):
        raise _refusal(task, operation, person)


def is_approval(form_data: JsonObject) -> bool:
    """A vote counts as approval unless it says otherwise: `approved: false`, or a `decision` of rejection."""
    decision = form_data.get("decision")
    if form_data.get("approved") is False or decision is False:
        return False
    return not (isinstance(decision, str) and decision.strip().lower() in REJECTIONS)


def outcome_of(approvals: Approvals, votes: Sequence[Vote]) -> bool | None:
    """True: enough approved. False: enough refused that no more votes could change it. None: still open."""
    approved = sum(vote.approved for vote in votes)
    if approved >= approvals.required:
        return True
    refused = len(votes) - approved
    return False if refused > approvals.of - approvals.required else None


_CODES = {
    TaskOperation.CANCEL: "task.not_cancellable",
    TaskOperation.RELEASE: "task.not_releasable",
    TaskOperation.DELEGATE: "task.not_delegatable",
    TaskOperation.ESCALATE: "task.not_escalatable",
    TaskOperation.COMPLETE: "task.not_completable",
    TaskOperation.UPDATE: "task.not_updatable",
    TaskOperation.SKIP: "task.not_skippable",
    TaskOperation.RESUME: "task.not_resumable",
    TaskOperation.SUSPEND: "task.not_suspendable",
}


def _refusal(task: Task, operation: TaskOperation, person: Person) -> NotTheirs:
    parts = RULES[operation].parts
    if person.subject in task.excluded and Part.CANDIDATE in parts:
        return NotTheirs("You are excluded from this task: others must look at it too.", code="task.not_candidate")
    if parts == {Part.CANDIDATE} or (Part.CANDIDATE in parts and not is_candidate(task, person)):
        return NotTheirs("You are no candidate of this task.", code="task.not_candidate")
    if Part.OWNER in parts:
        return NotTheirs(f"Only the owner of the task may {operation} it.", code="task.not_owner")
    return NotTheirs(f"Only an administrator may {operation} a task.", code="task.not_administrator")


def _moved(task: Task, operation: TaskOperation, details: JsonObject | None = None, **changes: object) -> Step:
    return Step(replace(task, **changes), operation, task.status, details)  # type: ignore[arg-type] # typed by Task itself


def _escalated(task: Task, details: JsonObject | None, **changes: object) -> Step:
    return _moved(task, TaskOperation.ESCALATE, details, escalation_level=task.escalation_level + 1, **changes)


def _together(present: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    return (*present, *(name for name in more if name not in present))
