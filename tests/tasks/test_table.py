"""The table of human tasks, against the standard, the diagram of docs/human-tasks.md and the database's constraints."""

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Conflict
from engine.tasks import operations as ops
from engine.tasks.escalation import EscalationAction, Level, escalate
from engine.tasks.operations import NotTheirs, Step
from engine.tasks.states import OPEN, RULES, Part, TaskOperation, TaskStatus
from engine.tasks.task import SYSTEM, Approvals, Person, Task, parts_of

DOCS = Path(__file__).parents[2] / "docs" / "human-tasks.md"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ID = UUID(int=7)
OWNER, CANDIDATE, NOBODY = Person("ann"), Person("cy", frozenset({"g"})), Person("eve")
ADMIN = Person("root", is_administrator=True)
EVERYBODY = (OWNER, CANDIDATE, NOBODY, ADMIN, SYSTEM)
S = TaskStatus

Do = Callable[[Task, Person], Step]


def escalating(level: Level) -> Do:
    return lambda task, person: escalate(task, level, person)


OPERATIONS: dict[TaskOperation, tuple[Do, ...]] = {
    TaskOperation.ACTIVATE: (ops.activate,),
    TaskOperation.CLAIM: (ops.claim,),
    TaskOperation.RELEASE: (ops.release,),
    TaskOperation.ASSIGN: (lambda t, p: ops.assign(t, p, "bob"),),
    TaskOperation.DELEGATE: (lambda t, p: ops.assign(t, p, "bob", TaskOperation.DELEGATE),),
    TaskOperation.FORWARD: (lambda t, p: ops.forward(t, p, ("dan",), ("h",)),),
    TaskOperation.START: (lambda t, p: ops.start(t, p, NOW),),
    TaskOperation.SUSPEND: (ops.suspend,),
    TaskOperation.RESUME: (ops.resume,),
    TaskOperation.COMPLETE: (lambda t, p: ops.complete(t, p, {}, NOW),),
    TaskOperation.FAIL: (ops.fail,),
    TaskOperation.CANCEL: (ops.cancel,),
    TaskOperation.SKIP: (ops.skip,),
    TaskOperation.ESCALATE: tuple(
        escalating(Level(1, action, people)) for action in EscalationAction for people in ((), ("bob",))
    ),
    TaskOperation.UPDATE: (lambda t, p: ops.update(t, p, ["title"], 1, None),),
    TaskOperation.COMMENT: (ops.comment,),
    TaskOperation.OBSOLETE: (ops.make_obsolete,),
}
ACTIVE = {S.PENDING, S.ASSIGNED, S.IN_PROGRESS}
STANDARD: dict[TaskOperation, tuple[set[TaskStatus], set[Part]]] = {
    TaskOperation.ACTIVATE: ({S.CREATED}, {Part.SYSTEM}),
    TaskOperation.CLAIM: ({S.PENDING}, {Part.CANDIDATE}),
    TaskOperation.START: ({S.ASSIGNED}, {Part.OWNER}),
    TaskOperation.RELEASE: ({S.ASSIGNED}, {Part.OWNER, Part.ADMINISTRATOR}),
    TaskOperation.ASSIGN: (ACTIVE, {Part.ADMINISTRATOR}),
    TaskOperation.DELEGATE: (ACTIVE, {Part.OWNER}),
    TaskOperation.FORWARD: (ACTIVE, {Part.OWNER, Part.CANDIDATE, Part.ADMINISTRATOR}),
    TaskOperation.SUSPEND: (ACTIVE, {Part.OWNER, Part.CANDIDATE, Part.ADMINISTRATOR}),
    TaskOperation.RESUME: ({S.SUSPENDED}, {Part.OWNER, Part.CANDIDATE, Part.ADMINISTRATOR}),
    TaskOperation.COMPLETE: ({S.ASSIGNED, S.IN_PROGRESS}, {Part.OWNER}),
    TaskOperation.FAIL: ({S.ASSIGNED, S.IN_PROGRESS}, {Part.OWNER}),
    TaskOperation.CANCEL: (set(OPEN), {Part.ADMINISTRATOR}),
    TaskOperation.SKIP: (set(OPEN), {Part.ADMINISTRATOR}),
    TaskOperation.OBSOLETE: (set(OPEN), {Part.SYSTEM}),
}
"""Standards section 9: from where, and who."""


def task_in(status: TaskStatus, suspended_from: TaskStatus = S.ASSIGNED, **members: object) -> Task:
    owned = status in {S.ASSIGNED, S.IN_PROGRESS} or (status is S.SUSPENDED and suspended_from is not S.PENDING)
    made = Task(ID, status, ("ann", "bob"), ("g",), owner="ann" if owned else None, skippable=True)
    made = replace(made, suspended_from=suspended_from if status is S.SUSPENDED else None)
    return replace(made, **members)  # type: ignore[arg-type] # members of Task by construction


def starting_points() -> list[Task]:
    tasks = [task_in(status) for status in S if status is not S.SUSPENDED]
    tasks += [task_in(S.SUSPENDED, before) for before in ACTIVE]
    tasks += [replace(task_in(S.CREATED), assignees=("ann",), candidate_groups=())]
    return tasks + [task_in(status, approvals=Approvals(2, 2)) for status in (S.ASSIGNED, S.IN_PROGRESS)]


def attempt(do: Do, task: Task, person: Person) -> Step | type[Exception]:
    try:
        return do(task, person)
    except (Conflict, NotTheirs) as error:
        return type(error)


def test_the_table_is_the_standards() -> None:
    for operation, (sources, parts) in STANDARD.items():
        assert RULES[operation].sources == sources, operation
        assert RULES[operation].parts == parts, operation
    assert set(RULES) == set(TaskOperation) - {TaskOperation.CREATE}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_does_what_its_row_says_and_nothing_else(operation: TaskOperation) -> None:
    rule = RULES[operation]
    for do, task, person in itertools.product(OPERATIONS[operation], starting_points(), EVERYBODY):
        outcome = attempt(do, task, person)
        if isinstance(outcome, Step):
            assert task.status in rule.sources
            assert rule.parts & parts_of(task, person)
            is_vote = operation is TaskOperation.COMPLETE and task.approvals is not None
            assert outcome.after is rule.target or rule.target is None or is_vote
            assert (outcome.before, outcome.operation) == (task.status, operation)
        elif task.status not in rule.sources:
            assert outcome is Conflict
        elif not rule.parts & parts_of(task, person):
            assert outcome is NotTheirs


def test_the_diagram_is_the_table() -> None:
    section = DOCS.read_text().split("## States\n")[1].split("\n## ")[0]
    drawn = set(re.findall(r"^ +(\w+) --> (\w+):", section, re.MULTILINE))
    silent = {TaskOperation.UPDATE, TaskOperation.COMMENT}
    reached = {
        (str(task.status), str(outcome.after))
        for operation, ways in OPERATIONS.items()
        if operation not in silent
        for do, task, person in itertools.product(ways, starting_points(), EVERYBODY)
        if isinstance(outcome := attempt(do, task, person), Step)
        and not (operation is TaskOperation.ESCALATE and task.status is S.CREATED and outcome.after is not S.FAILED)
    }
    assert drawn == reached


def fits(status: str, owner: str | None, suspended_from: str | None, *, closed: bool) -> bool:
    """What the constraints of `human_tasks` say."""
    is_open = TaskStatus(status) in OPEN
    held = status in {"assigned", "in_progress"}
    return (
        (closed != is_open)
        and ((suspended_from is not None) == (status == "suspended"))
        and not (held and owner is None)
    )


async def test_the_database_takes_exactly_what_the_predicate_says(superuser: asyncpg.Connection) -> None:
    statement = """
        insert into human_tasks (tenant_id, id, title, form_config, created_by,
                                 status, owner, suspended_from, closed_at)
        values ('t', gen_random_uuid(), 'x', '{}', 'x', $1, $2, $3, $4)"""
    for status, owner, before, closed in itertools.product(
        TaskStatus, (None, "ann"), (None, "assigned"), (False, True)
    ):
        try:
            await superuser.execute(statement, status.value, owner, before, NOW if closed else None)
            taken = True
        except asyncpg.CheckViolationError:
            taken = False
        assert taken == fits(status.value, owner, before, closed=closed), (status, owner, before, closed)
    with pytest.raises(asyncpg.CheckViolationError):
        await superuser.execute(statement, "dancing", None, None, None)


ALL = [(operation, do) for operation, ways in OPERATIONS.items() for do in ways]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(ALL), st.sampled_from((*EVERYBODY, Person("bob"), Person("dan")))), max_size=40),
    st.sampled_from([None, Approvals(1, 1), Approvals(2, 3)]),
    st.sampled_from([(), ("ann",), ("ann", "bob")]),
)
def test_whatever_people_do_the_database_would_take_it_and_an_end_is_an_end(
    asked: list[tuple[tuple[TaskOperation, Do], Person]], approvals: Approvals | None, assignees: tuple[str, ...]
) -> None:
    task = Task(ID, S.CREATED, assignees, approvals=approvals, skippable=True, excluded=("eve",))
    for (_, do), person in asked:
        before = task
        outcome = attempt(do, task, person)
        if isinstance(outcome, Step):
            assert before.status.is_open
            task = outcome.task
        closed = not task.status.is_open
        assert fits(task.status.value, task.owner, task.suspended_from and task.suspended_from.value, closed=closed)
        assert task.owner not in task.excluded or closed
        assert len({vote.by for vote in task.votes}) == len(task.votes)


def test_the_loser_of_a_claim_hears_who_has_it() -> None:
    with pytest.raises(Conflict) as refused:
        ops.claim(task_in(S.ASSIGNED), CANDIDATE)
    assert (refused.value.code, refused.value.facts) == ("task.already_claimed", {"owner": "ann"})


@pytest.mark.parametrize(
    ("form", "approved"),
    [
        ({}, True),
        ({"decision": "approved"}, True),
        ({"decision": "dense"}, True),
        ({"decision": "Rejected"}, False),
        ({"decision": "no"}, False),
        ({"approved": False}, False),
        ({"approved": True, "decision": "x"}, True),
    ],
)
def test_what_counts_as_approval(form: dict[str, bool | str], *, approved: bool) -> None:
    assert ops.is_approval(dict(form)) is approved


def test_late_is_allowed_and_marked() -> None:
    late = NOW - timedelta(seconds=1)
    assert ops.complete(task_in(S.ASSIGNED, due_at=late), OWNER, {}, NOW).task.sla_breached
    assert not ops.complete(task_in(S.ASSIGNED, due_at=NOW), OWNER, {}, NOW).task.sla_breached
    assert ops.start(task_in(S.ASSIGNED, start_by=late), OWNER, NOW).task.sla_breached
    assert not ops.start(task_in(S.ASSIGNED, start_by=NOW), OWNER, NOW).task.sla_breached
