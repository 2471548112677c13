"""A new task: read from what a step's config renders to, or from what a person asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from engine.definitions.building import priority_of
from engine.definitions.model import Priority
from engine.definitions.notifications import listed
from engine.jsonvalue import Json, JsonObject, dumps
from engine.tasks import operations
from engine.tasks.clocks import Sla, TaskTimer, clock_timers, deadlines
from engine.tasks.escalation import EscalationAction, Level, escalation_timers
from engine.tasks.operations import Step
from engine.tasks.states import TaskStatus
from engine.tasks.task import SYSTEM, Approvals, Task

LONGEST_TITLE = 500
LONGEST_MS = 100 * 365 * 24 * 3_600_000
"""A hundred years: beyond it no instant could be computed."""


class UnusableTaskError(ValueError):
    """No task can be made of this; the message says which member is wrong."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new task is to be."""

    title: str
    description: str = ""
    assignees: tuple[str, ...] = ()
    candidate_groups: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    form_config: JsonObject | None = None
    priority: Priority = Priority.NORMAL
    skippable: bool = False
    approvals: Approvals | None = None
    sla: Sla = field(default_factory=Sla)
    due_at: datetime | None = None
    due_in_ms: int | None = None
    escalation: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A new task, activated: what it is, how it came there, and the timers that watch it."""

    created: Task
    activated: Step
    timers: tuple[TaskTimer, ...]


def open_task(task_id: UUID, draft: Draft, now: datetime) -> Opened:
    """Create and activate; both clocks and all escalations count from `now`."""
    ends = deadlines(now, draft.sla, draft.due_at, draft.due_in_ms)
    created = Task(
        id=task_id,
        status=TaskStatus.CREATED,
        assignees=draft.assignees,
        candidate_groups=draft.candidate_groups,
        excluded=draft.excluded,
        skippable=draft.skippable,
        approvals=draft.approvals,
        priority=int(draft.priority),
        start_by=ends.start_by,
        due_at=ends.due_at,
    )
    timers = (*clock_timers(now, draft.sla, ends), *escalation_timers(now, draft.escalation))
    return Opened(created, operations.activate(created, SYSTEM), timers)


def draft_of(config: JsonObject, name: str, initiator: str) -> Draft:
    """What the rendered config of a human step asks for.

    Args:
        config: templates filled in: any member may have any type.
        name: of the task where no title is given.
        initiator: who started the execution.

    Raises:
        UnusableTaskError: a member has a value that it cannot have.
    """
    form = config.get("formConfig")
    return Draft(
        title=(_text(config, "title") or name)[:LONGEST_TITLE],
        description=_text(config, "description"),
        assignees=_names(config, "assignees"),
        candidate_groups=_names(config, "candidateGroups"),
        excluded=(initiator,) if config.get("excludeInitiator") is True else (),
        form_config=form if isinstance(form, dict) else None,
        priority=_priority(config.get("priority")),
        skippable=config.get("skippable") is True,
        approvals=approvals_of(config.get("approvals")),
        sla=sla_of(config.get("sla")),
        due_at=_instant(config, "dueDate"),
        due_in_ms=_duration(config, "dueInMs"),
        escalation=levels_of(config.get("escalation")),
    )


def approvals_of(value: Json) -> Approvals | None:
    """How many must approve; without `of` as many as are required, so that one rejection decides.

    Raises:
        UnusableTaskError: the numbers do not fit together.
    """
    if not isinstance(value, dict):
        return None
    required, of = value.get("required"), value.get("of")
    wanted = _whole(required)
    asked = wanted if of is None else _whole(of)
    if wanted is None or asked is None or not 1 <= wanted <= asked:
        raise UnusableTaskError("'approvals' asks for more approvals than there are people, or for none.")
    return Approvals(wanted, asked)


def sla_of(value: Json) -> Sla:
    """Time limits.

    Raises:
        UnusableTaskError: one of them is no number of milliseconds.
    """
    if not isinstance(value, dict):
        return Sla()
    share = value.get("warnAtPct")
    if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 100):
        raise UnusableTaskError("'warnAtPct' is not between 0 and 100.")
    return Sla(_duration(value, "startMs"), _duration(value, "completionMs"), share)


def levels_of(value: Json) -> tuple[Level, ...]:
    """Escalation levels in their order.

    Raises:
        UnusableTaskError: one of them cannot be read.
    """
    if not isinstance(value, list):
        return ()
    return tuple(_level(item) for item in value)


def _level(item: Json) -> Level:
    if not isinstance(item, dict):
        raise UnusableTaskError("A level of 'escalation' is no object.")
    after_ms = _duration(item, "afterMs")
    action = item.get("action")
    if after_ms is None or not isinstance(action, str) or action not in set(EscalationAction):
        raise UnusableTaskError("A level of 'escalation' lacks 'afterMs', or has an unknown 'action'.")
    repeat_ms = _duration(item, "repeatMs")
    said = item.get("notification")
    return Level(
        after_ms=after_ms,
        action=EscalationAction(action),
        assignees=_names(item, "assignees"),
        groups=_names(item, "groups"),
        repeat_ms=repeat_ms,
        notifications=None if said is None or said is True else listed(said),
    )


def _text(config: JsonObject, name: str) -> str:
    """A text; what a lone template gave otherwise, a number say, reads as it would amid other text."""
    value = config.get(name)
    if value is None:
        return ""
    return (value if isinstance(value, str) else dumps(value)).replace("\x00", "")


def _names(config: JsonObject, name: str) -> tuple[str, ...]:
    """Names of people or groups: a list, or one name; each once."""
    value = config.get(name)
    listed: Sequence[Json] = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    if value is not None and not isinstance(value, str | list):
        raise UnusableTaskError(f"{name!r} is neither a list of names nor one name.")
    names = [item for item in listed if isinstance(item, str) and item.strip() and "\x00" not in item]
    if len(names) != len(listed):
        raise UnusableTaskError(f"{name!r} has a member that is no name.")
    return tuple(dict.fromkeys(names))


def _priority(value: Json) -> Priority:
    try:
        return priority_of(value)
    except ValueError as error:
        raise UnusableTaskError(str(error)) from error


def _instant(config: JsonObject, name: str) -> datetime | None:
    value = config.get(name)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise UnusableTaskError(f"{name!r} is no instant (RFC 3339).") from error
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)


def _duration(config: JsonObject, name: str) -> int | None:
    value = config.get(name)
    found = _whole(value)
    if value is not None and (found is None or not 0 < found <= LONGEST_MS):
        raise UnusableTaskError(f"{name!r} is no number of milliseconds.")
    return found


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
