"""States and operations of human tasks, and the one table of who may move a task where.

After WS-HumanTask 1.1 (docs.oasis-open.org/bpel4people): `pending` is its Ready, `assigned` its Reserved. The picture
is in docs/human-tasks.md; a test holds it to `RULES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class TaskStatus(StrEnum):
    """Where a task stands.

    created: recorded, not yet anybody's. pending: waits for a candidate to claim it. assigned: has an owner who has not
    started. in_progress: its owner works on it. suspended: held by a person. The others are final; obsolete: its
    execution ended without it.
    """

    CREATED = "created"
    PENDING = "pending"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    OBSOLETE = "obsolete"

    @property
    def is_open(self) -> bool:
        """True until a final state."""
        return self in OPEN


class TaskOperation(StrEnum):
    """What may be done to a task."""

    CREATE = "create"
    ACTIVATE = "activate"
    CLAIM = "claim"
    RELEASE = "release"
    ASSIGN = "assign"
    DELEGATE = "delegate"
    FORWARD = "forward"
    START = "start"
    SUSPEND = "suspend"
    RESUME = "resume"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"
    SKIP = "skip"
    ESCALATE = "escalate"
    UPDATE = "update"
    COMMENT = "comment"
    WARN = "warn"
    BREACH = "breach"
    OBSOLETE = "obsolete"


class Part(StrEnum):
    """What somebody is to a task."""

    CANDIDATE = "candidate"
    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"


OPEN = frozenset(
    {
        TaskStatus.CREATED,
        TaskStatus.PENDING,
        TaskStatus.ASSIGNED,
        TaskStatus.IN_PROGRESS,
        TaskStatus.SUSPENDED,
    }
)
ACTIVE = frozenset({TaskStatus.PENDING, TaskStatus.ASSIGNED, TaskStatus.IN_PROGRESS})
HELD = frozenset({TaskStatus.ASSIGNED, TaskStatus.IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class Rule:
    """One operation: from which states, by whom, into which state (None: it stays, or the operation computes it)."""

    sources: frozenset[TaskStatus]
    parts: frozenset[Part]
    target: TaskStatus | None


def _rule(sources: frozenset[TaskStatus], target: TaskStatus | None, *parts: Part) -> Rule:
    return Rule(sources, frozenset(parts), target)


RULES: Mapping[TaskOperation, Rule] = MappingProxyType(
    {
        TaskOperation.ACTIVATE: _rule(frozenset({TaskStatus.CREATED}), None, Part.SYSTEM),
        TaskOperation.CLAIM: _rule(frozenset({TaskStatus.PENDING}), TaskStatus.ASSIGNED, Part.CANDIDATE),
        TaskOperation.START: _rule(frozenset({TaskStatus.ASSIGNED}), TaskStatus.IN_PROGRESS, Part.OWNER),
        TaskOperation.RELEASE: _rule(
            frozenset({TaskStatus.ASSIGNED}), TaskStatus.PENDING, Part.OWNER, Part.ADMINISTRATOR
        ),
        TaskOperation.ASSIGN: _rule(ACTIVE, TaskStatus.ASSIGNED, Part.ADMINISTRATOR),
        TaskOperation.DELEGATE: _rule(ACTIVE, TaskStatus.ASSIGNED, Part.OWNER),
        TaskOperation.FORWARD: _rule(ACTIVE, TaskStatus.PENDING, Part.OWNER, Part.CANDIDATE, Part.ADMINISTRATOR),
        TaskOperation.SUSPEND: _rule(ACTIVE, TaskStatus.SUSPENDED, Part.OWNER, Part.CANDIDATE, Part.ADMINISTRATOR),
        TaskOperation.RESUME: _rule(
            frozenset({TaskStatus.SUSPENDED}), None, Part.OWNER, Part.CANDIDATE, Part.ADMINISTRATOR
        ),
        TaskOperation.COMPLETE: _rule(HELD, TaskStatus.COMPLETED, Part.OWNER),
        TaskOperation.FAIL: _rule(HELD, TaskStatus.FAILED, Part.OWNER),
        TaskOperation.CANCEL: _rule(OPEN, TaskStatus.CANCELLED, Part.ADMINISTRATOR),
        TaskOperation.SKIP: _rule(OPEN, TaskStatus.SKIPPED, Part.ADMINISTRATOR),
        TaskOperation.ESCALATE: _rule(OPEN, None, Part.OWNER, Part.CANDIDATE, Part.ADMINISTRATOR, Part.SYSTEM),
        TaskOperation.UPDATE: _rule(OPEN, None, Part.OWNER, Part.ADMINISTRATOR),
        TaskOperation.COMMENT: _rule(OPEN, None, Part.OWNER, Part.CANDIDATE, Part.ADMINISTRATOR),
        TaskOperation.WARN: _rule(OPEN, None, Part.SYSTEM),
        TaskOperation.BREACH: _rule(OPEN, None, Part.SYSTEM),
        TaskOperation.OBSOLETE: _rule(OPEN, TaskStatus.OBSOLETE, Part.SYSTEM),
    }
)
