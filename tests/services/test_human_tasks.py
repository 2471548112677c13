"""People and tasks: who may do what when, what is written, and what its execution hears."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from engine.errors import Conflict, Denied, IdempotencyMismatch, NotFound, ValidationFailed
from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.services.services import Services
from engine.services.task_values import (
    AssignRequest,
    CommentRequest,
    CompleteRequest,
    CreateTaskRequest,
    EscalateRequest,
    ForwardRequest,
    HumanTask,
    ReasonRequest,
    TaskFilter,
    UpdateTaskRequest,
)
from engine.services.values import PageRequest
from engine.store.database import Database
from engine.tasks.escalation import EscalationAction
from engine.tasks.states import TaskStatus
from tests.clock import FakeClock
from tests.services.documents import count

PLAIN = ReasonRequest()


@pytest.fixture
def ann(tenant: str) -> Actor:
    return Actor(tenant, "ann", frozenset({"approver"}), frozenset({"support"}), request_id="req-ann")


@pytest.fixture
def bob(tenant: str) -> Actor:
    return Actor(tenant, "bob", frozenset({"approver"}), request_id="req-bob")


async def opened(services: Services, admin: Actor, **config: Any) -> HumanTask:
    return await services.human_tasks.create(admin, CreateTaskRequest(title="Look", config=config))


def steps_of(task: HumanTask) -> list[tuple[int, str, str | None, str]]:
    assert task.trail is not None
    return [(e.seq, e.action, None if e.from_status is None else e.from_status.value, e.to_status.value)
            for e in task.trail]  # fmt: skip


async def test_one_candidate_owns_the_task_at_once_and_its_trail_begins(
    services: Services, admin: Actor, clock: FakeClock
) -> None:
    task = await opened(services, admin, assignees=["ann"])
    assert (task.status, task.owner, task.created_by) == (TaskStatus.ASSIGNED, "ann", "root")
    assert steps_of(task) == [(1, "create", None, "created"), (2, "activate", "created", "assigned")]
    assert task.created_at == clock.now()


async def test_from_claim_to_completion(services: Services, admin: Actor, ann: Actor, database: Database) -> None:
    task = await opened(services, admin, candidateGroups=["support"])
    assert task.status is TaskStatus.PENDING
    claimed = await services.human_tasks.claim(ann, task.id, ReasonRequest(reason="mine"))
    assert (claimed.status, claimed.owner) == (TaskStatus.ASSIGNED, "ann")
    await services.human_tasks.start(ann, task.id, PLAIN)
    done = await services.human_tasks.complete(ann, task.id, CompleteRequest(form_data={"x": 1}, comment="done so"))

    assert (done.status, done.form_data, done.submitted_by) == (TaskStatus.COMPLETED, {"x": 1}, "ann")
    assert [step[1:] for step in steps_of(done)] == [
        ("create", None, "created"),
        ("activate", "created", "pending"),
        ("claim", "pending", "assigned"),
        ("start", "assigned", "in_progress"),
        ("complete", "in_progress", "completed"),
    ]
    assert done.trail is not None
    assert [entry.seq for entry in done.trail] == [1, 2, 3, 4, 5]
    assert (done.trail[2].actor, done.trail[2].reason, done.trail[2].request_id) == ("ann", "mine", "req-ann")
    assert [c.text for c in await services.human_tasks.comments(ann, task.id)] == ["done so"]
    assert await count(database, admin, "audit_entries") == 4
    assert await count(database, admin, "timers") == 0


async def test_of_fifty_claims_one_wins_and_the_others_hear_who(services: Services, admin: Actor, tenant: str) -> None:
    task = await opened(services, admin, candidateGroups=["support"])
    people = [Actor(tenant, f"p{n}", frozenset({"approver"}), frozenset({"support"})) for n in range(50)]

    outcomes = await asyncio.gather(
        *(services.human_tasks.claim(person, task.id, PLAIN) for person in people), return_exceptions=True
    )

    won = [outcome for outcome in outcomes if isinstance(outcome, HumanTask)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert (len(won), len(lost)) == (1, 49)
    assert {(error.code, error.facts["owner"]) for error in lost} == {("task.already_claimed", won[0].owner)}
    now = await services.human_tasks.get(admin, task.id)
    assert [step[1] for step in steps_of(now)] == ["create", "activate", "claim"]


async def test_who_is_no_candidate_is_refused_with_a_decision_and_nothing_changes(
    services: Services, admin: Actor, bob: Actor, database: Database
) -> None:
    task = await opened(services, admin, candidateGroups=["support"])
    with pytest.raises(Denied) as refused:
        await services.human_tasks.claim(bob, task.id, PLAIN)
    assert refused.value.code == "task.not_candidate"
    assert [denial.code for denial in refused.value.denials] == ["task.not_candidate"]
    assert await services.human_tasks.get(admin, task.id) == task
    logged = text("select allowed from policy_decisions where decision_id = :id")
    async with database.transaction(admin.tenant) as connection:
        found = (await connection.execute(logged, {"id": UUID(refused.value.decision_id)})).scalar_one()
    assert found is False


async def test_four_eyes_keep_the_initiator_out(services: Services, admin: Actor, tenant: str) -> None:
    task = await opened(services, admin, excludeInitiator=True, assignees=["root", "ann"])
    approver = Actor(tenant, "root", frozenset({"admin"}))
    with pytest.raises(Denied) as refused:
        await services.human_tasks.claim(approver, task.id, PLAIN)
    assert refused.value.code == "task.not_candidate"
    with pytest.raises(Conflict) as excluded:
        await services.human_tasks.assign(admin, task.id, AssignRequest(assignee="root"))
    assert excluded.value.code == "task.assignee_excluded"


async def test_two_of_three_approve(services: Services, admin: Actor, tenant: str) -> None:
    task = await opened(services, admin, assignees=["a", "b", "c"], approvals={"required": 2, "of": 3})
    voters = {name: Actor(tenant, name, frozenset({"approver"})) for name in "abc"}
    for name, approved in (("a", True), ("b", False)):
        await services.human_tasks.claim(voters[name], task.id, PLAIN)
        voted = await services.human_tasks.complete(
            voters[name], task.id, CompleteRequest(form_data={"approved": approved})
        )
        assert (voted.status, voted.owner, name in voted.excluded) == (TaskStatus.PENDING, None, True)
    with pytest.raises(Denied):
        await services.human_tasks.claim(voters["a"], task.id, PLAIN)
    await services.human_tasks.claim(voters["c"], task.id, PLAIN)
    done = await services.human_tasks.complete(voters["c"], task.id, CompleteRequest(form_data={"approved": True}))
    assert done.status is TaskStatus.COMPLETED
    assert [(vote.by, vote.approved) for vote in done.votes] == [("a", True), ("b", False), ("c", True)]


async def test_the_form_is_held_to_its_fields_and_nothing_is_kept_of_a_bad_one(
    services: Services, admin: Actor, ann: Actor
) -> None:
    form: JsonObject = {
        "fields": [
            {
                "name": "decision",
                "type": "select",
                "required": True,
                "options": ["yes", {"value": "no", "label": "No"}],
            },
            {"name": "amount", "type": "number", "schema": {"minimum": 1}},
        ]
    }
    task = await opened(services, admin, assignees=["ann"], formConfig=form)
    with pytest.raises(ValidationFailed) as refused:
        await services.human_tasks.complete(ann, task.id, CompleteRequest(form_data={"decision": "maybe", "amount": 0}))
    assert {fault.path for fault in refused.value.faults} == {"/formData/decision", "/formData/amount"}
    assert await services.human_tasks.get(admin, task.id) == task
    done = await services.human_tasks.complete(ann, task.id, CompleteRequest(form_data={"decision": "no"}))
    assert done.form_data == {"decision": "no"}


async def test_a_form_that_nobody_could_fill_in_is_refused(services: Services, admin: Actor) -> None:
    form = {"fields": [{"name": "a", "schema": {"$ref": "https://example.org/x"}}]}
    with pytest.raises(ValidationFailed) as refused:
        await opened(services, admin, formConfig=form)
    assert refused.value.faults[0].code == "form.schema_unusable"


Ask = Callable[[Services, Actor, UUID], Awaitable[HumanTask]]


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda s, a, t: s.human_tasks.start(a, t, PLAIN), "task.not_owner"),
        (lambda s, a, t: s.human_tasks.complete(a, t, CompleteRequest()), "task.not_owner"),
        (lambda s, a, t: s.human_tasks.fail(a, t, PLAIN), "task.not_owner"),
        (lambda s, a, t: s.human_tasks.delegate(a, t, AssignRequest(assignee="bob")), "task.not_owner"),
        (lambda s, a, t: s.human_tasks.comment(a, t, CommentRequest(text="x")), "task.not_candidate"),
    ],
)
async def test_what_belongs_to_the_owner(services: Services, admin: Actor, bob: Actor, ask: Ask, code: str) -> None:
    task = await opened(services, admin, assignees=["ann"])
    with pytest.raises(Denied) as refused:
        await ask(services, bob, task.id)
    assert refused.value.code == code
    assert await services.human_tasks.get(admin, task.id) == task


async def test_another_tenant_learns_nothing(services: Services, admin: Actor, stranger: Actor) -> None:
    task = await opened(services, admin)
    for ask in (services.human_tasks.claim, services.human_tasks.cancel, services.human_tasks.skip):
        with pytest.raises(NotFound):
            await ask(stranger, task.id, PLAIN)
    with pytest.raises(NotFound):
        await services.human_tasks.get(stranger, task.id)
    assert await services.human_tasks.get_many(stranger, [task.id]) == {}
    assert await services.human_tasks.trails_of(stranger, [task.id]) == {task.id: ()}
    assert (await services.human_tasks.list(stranger, TaskFilter(), PageRequest())).items == ()


async def test_handing_over_and_back(services: Services, admin: Actor, ann: Actor, bob: Actor) -> None:
    task = await opened(services, admin, assignees=["ann"])
    to_bob = await services.human_tasks.delegate(ann, task.id, AssignRequest(assignee="bob"))
    assert (to_bob.owner, to_bob.status) == ("bob", TaskStatus.ASSIGNED)
    forwarded = await services.human_tasks.forward(bob, task.id, ForwardRequest(("cy",), ("support",)))
    assert (forwarded.owner, forwarded.assignees, forwarded.status) == (None, ("cy",), TaskStatus.PENDING)
    await services.human_tasks.claim(ann, task.id, PLAIN)
    held = await services.human_tasks.suspend(ann, task.id, PLAIN)
    assert held.status is TaskStatus.SUSPENDED
    resumed = await services.human_tasks.resume(ann, task.id, PLAIN)
    assert (resumed.status, resumed.owner) == (TaskStatus.ASSIGNED, "ann")
    released = await services.human_tasks.release(admin, task.id, ReasonRequest(reason="away"))
    assert (released.status, released.owner) == (TaskStatus.PENDING, None)
    assert released.trail is not None
    assert (released.trail[-1].actor, released.trail[-1].on_behalf_of) == ("root", "ann")


async def test_escalating_by_hand(services: Services, admin: Actor, ann: Actor, bob: Actor) -> None:
    task = await opened(services, admin, assignees=["ann"], priority="low")
    raised = await services.human_tasks.escalate(ann, task.id, EscalateRequest())
    assert (raised.priority.name, raised.escalation_level) == ("NORMAL", 1)
    more = await services.human_tasks.escalate(
        ann, task.id, EscalateRequest(EscalationAction.ADD_CANDIDATES, ("bob",), ("support",))
    )
    assert (more.assignees, more.candidate_groups) == (("ann", "bob"), ("support",))
    with pytest.raises(Denied) as refused:
        await services.human_tasks.escalate(bob, task.id, EscalateRequest(EscalationAction.REASSIGN, ("bob",)))
    assert refused.value.code == "task.not_owner"


async def test_editing_a_deadline_moves_its_timer(
    services: Services, admin: Actor, clock: FakeClock, database: Database
) -> None:
    task = await opened(services, admin, dueInMs=60_000)
    due_at = clock.now() + timedelta(days=2)
    changed = await services.human_tasks.update(admin, task.id, UpdateTaskRequest(title="Look again", due_at=due_at))
    assert (changed.title, changed.due_at) == ("Look again", due_at)
    assert changed.trail is not None
    assert changed.trail[-1].details == {"fields": ["title", "dueDate"]}
    kinds = text("select kind, due_at from timers where subject_id = :id")
    async with database.transaction(admin.tenant) as connection:
        found = [tuple(row) for row in await connection.execute(kinds, {"id": task.id})]
    assert found == [("task_completion", due_at)]
    without = await services.human_tasks.update(admin, task.id, UpdateTaskRequest(removes_due_date=True))
    assert without.due_at is None
    assert await count(database, admin, "timers") == 0


async def test_lists_filter_and_page_by_key(services: Services, admin: Actor, ann: Actor, clock: FakeClock) -> None:
    ids = []
    for n in range(5):
        clock.advance(timedelta(seconds=1))
        ids.append((await opened(services, admin, assignees=["ann", f"x{n}"], dueInMs=1000 * (n + 1))).id)
    other = await opened(services, admin, candidateGroups=["legal"])
    await services.human_tasks.claim(ann, ids[0], PLAIN)

    async def found(wanted: TaskFilter, page: PageRequest = PageRequest()) -> list[UUID]:  # noqa: B008 - frozen
        return [task.id for task in (await services.human_tasks.list(admin, wanted, page)).items]

    assert await found(TaskFilter(assignee="ann")) == ids[::-1]
    assert await found(TaskFilter(candidate_group="legal")) == [other.id]
    assert await found(TaskFilter(status=TaskStatus.ASSIGNED)) == [ids[0]]
    assert await found(TaskFilter(due_before=clock.now() - timedelta(seconds=1))) == [ids[0]]
    first = await services.human_tasks.list(admin, TaskFilter(assignee="ann"), PageRequest(limit=2))
    assert (first.total, [task.id for task in first.items]) == (5, ids[:2:-1])
    assert await found(TaskFilter(assignee="ann"), PageRequest(limit=2, after=first.next_cursor)) == ids[2:0:-1]


async def test_a_title_and_a_deadline_that_are_none_are_refused(services: Services, admin: Actor) -> None:
    with pytest.raises(ValidationFailed):
        await services.human_tasks.create(admin, CreateTaskRequest(title=" "))
    with pytest.raises(ValidationFailed):
        await opened(services, admin, dueDate="next week")
    with pytest.raises(ValidationFailed):
        await opened(services, admin, approvals={"required": 3, "of": 2})
    with pytest.raises(NotFound):
        await services.human_tasks.create(admin, CreateTaskRequest(title="x", execution_id=uuid4()))


async def test_a_token_that_names_who_acts_is_used_on_behalf_of_its_subject(
    services: Services, admin: Actor, tenant: str
) -> None:
    task = await opened(services, admin)
    assistant = Actor(tenant, "ann", frozenset({"approver"}), attributes={"act": {"sub": "assistant"}})
    claimed = await services.human_tasks.claim(assistant, task.id, PLAIN)
    assert claimed.owner == "ann"
    assert claimed.trail is not None
    assert (claimed.trail[-1].actor, claimed.trail[-1].on_behalf_of) == ("assistant", "ann")
    assert claimed.trail[-1].at == datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


async def test_the_same_key_opens_one_task(services: Services, admin: Actor, clock: FakeClock) -> None:
    request = CreateTaskRequest(title="Look", config={"candidateGroups": ["g"]})
    tasks = services.human_tasks
    made = await asyncio.gather(*(tasks.create(admin, request, "k-1") for _ in range(5)))
    assert len({task.id for task in made}) == 1
    await tasks.cancel(admin, made[0].id, PLAIN)
    again = await tasks.create(admin, request, '"k-1"')
    assert (again.id, again.status) == (made[0].id, TaskStatus.CANCELLED)
    with pytest.raises(IdempotencyMismatch):
        await tasks.create(admin, CreateTaskRequest(title="Look there", config=request.config), "k-1")
    another = Actor(admin.tenant, "eve", admin.roles)
    assert (await tasks.create(another, request, "k-1")).id != again.id
    clock.advance(timedelta(hours=25))
    assert (await tasks.create(admin, request, "k-1")).id != again.id
