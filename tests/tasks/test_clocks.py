"""Clocks, escalation levels and forms: pure, by example."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from engine.actions.json_schemas import compile_schema
from engine.definitions.model import Priority
from engine.jsonvalue import Json, JsonObject
from engine.tasks.clocks import Clock, Sla, TaskTimer, TaskTimerKind, clock_timers, deadlines, goal_reached
from engine.tasks.escalation import EscalationAction, Level, by_timer, next_timer
from engine.tasks.forms import schema_of
from engine.tasks.opening import UnusableTaskError, draft_of, open_task
from engine.tasks.states import TaskStatus
from engine.tasks.task import Task

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000


def task_in(status: TaskStatus, **members: object) -> Task:
    return Task(UUID(int=1), status, **members)  # type: ignore[arg-type] # members of Task by construction


def test_of_several_limits_the_earliest_counts() -> None:
    sla = Sla(start_ms=HOUR_MS, completion_ms=3 * HOUR_MS)
    ends = deadlines(NOW, sla, NOW + 2 * HOUR, 4 * HOUR_MS)
    assert (ends.start_by, ends.due_at) == (NOW + HOUR, NOW + 2 * HOUR)
    assert deadlines(NOW, Sla(), None, None) == deadlines(NOW, Sla(), None, None).__class__(None, None)


def test_both_clocks_have_an_end_and_a_warning_before_it() -> None:
    sla = Sla(HOUR_MS, 4 * HOUR_MS, 75)
    timers = clock_timers(NOW, sla, deadlines(NOW, sla, None, None))
    assert {timer.kind: timer.due_at - NOW for timer in timers} == {
        TaskTimerKind.START: HOUR,
        TaskTimerKind.START_WARNING: 0.75 * HOUR,
        TaskTimerKind.COMPLETION: 4 * HOUR,
        TaskTimerKind.COMPLETION_WARNING: 3 * HOUR,
    }


def test_a_deadline_in_the_past_is_due_at_once_without_a_warning() -> None:
    sla = Sla(warn_at_pct=50)
    ends = deadlines(NOW, sla, NOW - HOUR, None)
    assert clock_timers(NOW, sla, ends) == (TaskTimer(TaskTimerKind.COMPLETION, NOW - HOUR),)


@pytest.mark.parametrize(
    ("task", "start", "completion"),
    [
        (task_in(TaskStatus.PENDING), False, False),
        (task_in(TaskStatus.ASSIGNED), False, False),
        (task_in(TaskStatus.IN_PROGRESS), True, False),
        (task_in(TaskStatus.SUSPENDED, suspended_from=TaskStatus.IN_PROGRESS), True, False),
        (task_in(TaskStatus.SUSPENDED, suspended_from=TaskStatus.PENDING), False, False),
        (task_in(TaskStatus.OBSOLETE), True, True),
        (task_in(TaskStatus.COMPLETED), True, True),
    ],
)
def test_a_timer_looks_whether_its_goal_was_reached(task: Task, *, start: bool, completion: bool) -> None:
    assert (goal_reached(task, Clock.START), goal_reached(task, Clock.COMPLETION)) == (start, completion)


def test_a_level_without_a_repeat_fires_once() -> None:
    fired = TaskTimer(TaskTimerKind.ESCALATION, NOW, 0)
    assert next_timer(Level(1, EscalationAction.NOTIFY), fired, NOW) is None


def test_repeats_keep_their_rhythm_and_are_not_made_up_for() -> None:
    level = Level(1, EscalationAction.NOTIFY, repeat_ms=HOUR_MS)
    fired = TaskTimer(TaskTimerKind.ESCALATION, NOW, 2)
    on_time = next_timer(level, fired, NOW + timedelta(seconds=1))
    assert on_time == TaskTimer(TaskTimerKind.ESCALATION, NOW + HOUR, 2, 1)
    late = next_timer(level, fired, NOW + 3.5 * HOUR)
    assert late == TaskTimer(TaskTimerKind.ESCALATION, NOW + 4 * HOUR, 2, 4)


def test_what_has_ended_is_not_escalated() -> None:
    for status in TaskStatus:
        step = by_timer(task_in(status, owner="ann"), Level(1, EscalationAction.RAISE_PRIORITY))
        assert (step is None) == (not status.is_open)


def test_the_priority_rises_up_to_the_highest() -> None:
    task = task_in(TaskStatus.PENDING, priority=int(Priority.HIGH))
    for expected in (0, 0):
        step = by_timer(task, Level(1, EscalationAction.RAISE_PRIORITY))
        assert step is not None
        task = step.task
        assert task.priority == expected
    assert task.escalation_level == 2


def test_reassigning_to_one_makes_an_owner_and_to_nobody_gives_back() -> None:
    task = task_in(TaskStatus.IN_PROGRESS, owner="ann", assignees=("ann", "bob"), excluded=("eve",))
    to_one = by_timer(task, Level(1, EscalationAction.REASSIGN, ("cy",)))
    assert to_one is not None
    assert (to_one.after, to_one.task.owner) == (TaskStatus.ASSIGNED, "cy")
    for nobody in ((), ("eve",)):
        back = by_timer(task, Level(1, EscalationAction.REASSIGN, nobody))
        assert back is not None
        assert (back.after, back.task.owner, back.task.assignees) == (TaskStatus.PENDING, None, ("ann", "bob"))


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ({"type": "text"}, ["", "x", None], [1, True]),
        ({"type": "text", "required": True}, ["x"], ["", None]),
        ({"type": "number"}, [1, 1.5], ["1"]),
        ({"type": "integer"}, [1], [1.5, "1"]),
        ({"type": "checkbox"}, [True, False], ["true", 1]),
        ({"type": "date"}, ["2026-02-28"], ["2026-02-30", "x"]),
        ({"type": "email"}, ["a@example.org"], ["a"]),
        ({"type": "select", "options": ["a", {"value": 2, "label": "Two"}]}, ["a", 2], ["b", "Two"]),
        ({"type": "multiselect", "options": ["a", "b"]}, [[], ["a", "b"]], [["c"], ["a", "a"], "a"]),
        ({"type": "number", "schema": {"minimum": 5}}, [5], [4]),
        ({"type": "hologram"}, [1, "x", {"y": []}], []),
    ],
)
def test_what_a_field_takes(field: JsonObject, good: list[Json], bad: list[Json]) -> None:
    schema = compile_schema(schema_of({"fields": [{"name": "f", **field}]}))
    assert [value for value in good if schema.faults({"f": value})] == []
    assert [value for value in bad if not schema.faults({"f": value})] == []


def test_only_named_fields_may_be_sent_and_required_ones_must() -> None:
    schema = compile_schema(schema_of({"fields": [{"name": "f", "required": True}, {"name": "g"}]}))
    assert not schema.faults({"f": 1})
    assert schema.faults({"g": 1})
    assert schema.faults({"f": 1, "h": 1})
    assert not compile_schema(schema_of({})).faults({"anything": [1]})
    assert compile_schema(schema_of({})).faults([])


def test_the_config_of_a_step_becomes_a_task() -> None:
    config: JsonObject = {
        "title": "T",
        "assignees": "ann",
        "excludeInitiator": True,
        "priority": "high",
        "dueInMs": HOUR_MS,
        "escalation": [{"afterMs": 5, "action": "notify", "groups": ["g"], "repeatMs": 7}],
    }
    draft = draft_of(config, "review", "ivy")
    opened = open_task(UUID(int=3), draft, NOW)
    assert (draft.excluded, draft.priority, draft.title) == (("ivy",), Priority.HIGH, "T")
    assert (opened.activated.after, opened.activated.task.owner) == (TaskStatus.ASSIGNED, "ann")
    assert [(timer.kind, timer.level, timer.due_at) for timer in opened.timers] == [
        (TaskTimerKind.COMPLETION, None, NOW + HOUR),
        (TaskTimerKind.ESCALATION, 0, NOW + timedelta(milliseconds=5)),
    ]


def test_a_single_candidate_who_is_excluded_owns_nothing() -> None:
    draft = draft_of({"assignees": ["ivy"], "excludeInitiator": True}, "review", "ivy")
    opened = open_task(UUID(int=3), draft, NOW)
    assert (opened.activated.after, opened.activated.task.owner) == (TaskStatus.PENDING, None)


def test_a_title_that_a_lone_template_gave_may_be_a_number() -> None:
    draft = draft_of({"title": 4711, "description": [True, 1.5]}, "review", "ivy")
    assert (draft.title, draft.description) == ("4711", "[true,1.5]")


@pytest.mark.parametrize(
    "config",
    [
        {"assignees": 5},
        {"assignees": ["", "ann"]},
        {"dueDate": "soon"},
        {"dueInMs": -1},
        {"dueInMs": 10**15},
        {"priority": "immediately"},
        {"approvals": {"required": 2, "of": 1}},
        {"sla": {"warnAtPct": 100}},
        {"escalation": [{"action": "notify"}]},
        {"escalation": [{"afterMs": 1, "action": "sing"}]},
    ],
)
def test_a_config_that_templates_have_spoiled_opens_nothing(config: JsonObject) -> None:
    with pytest.raises(UnusableTaskError):
        draft_of(config, "review", "ivy")
