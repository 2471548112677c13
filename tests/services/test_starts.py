"""Starting executions: accepted once, whatever the caller repeats, and on what is true at that moment."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from engine.definitions.model import Priority
from engine.errors import (
    Conflict,
    Denied,
    Fault,
    IdempotencyMismatch,
    MalformedRequest,
    NotFound,
    ValidationFailed,
)
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.runtime.states import ExecutionStatus, StepStatus
from engine.services.requests import ExecuteRequest, PublishRequest
from engine.services.services import Services
from engine.store.database import Database
from tests.clock import FakeClock
from tests.services.conftest import RecordingBell
from tests.services.documents import audit, count, document, published

SCHEMA: JsonObject = {"type": "object", "required": ["order"], "properties": {"order": {"type": "integer"}}}


async def test_an_accepted_execution_is_stored_queued_and_rung_for(
    services: Services, editor: Actor, bell: RecordingBell
) -> None:
    workflow = await published(services, editor, document("Orders", settings={"variables": {"region": "eu"}}))

    accepted = await services.executions.execute(editor, workflow.id, ExecuteRequest({"order": 7}))

    made = accepted.execution
    assert not accepted.replayed
    assert (made.status, made.workflow_version, made.started_by) == (ExecutionStatus.QUEUED, "1.0.0", "ann")
    assert (made.trigger_type, made.trigger_data, made.priority) == ("manual", {"order": 7}, Priority.NORMAL)
    assert made.steps is not None
    assert [(step.step_id, step.status) for step in made.steps] == [("only", StepStatus.PENDING)]
    assert made.context is not None
    assert (made.context["triggerData"], made.context["variables"]) == ({"order": 7}, {"region": "eu"})
    assert await services.executions.get(editor, made.id) == made
    assert bell.rung == [(editor.tenant, made.id)]


async def test_what_stands_beside_an_accepted_execution(services: Services, editor: Actor, database: Database) -> None:
    caller = Actor(
        editor.tenant,
        "ann",
        editor.roles,
        request_id="req-9",
        source="10.0.0.9",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    workflow = await published(services, editor)

    made = (await services.executions.execute(caller, workflow.id, ExecuteRequest({"secret": "s3cret"}))).execution

    assert [(action, actor, before) for action, actor, before, _ in await audit(database, editor, made.id)] == [
        ("workflow.execute", "ann", None)
    ]
    async with database.transaction(editor.tenant) as connection:
        statement = text(
            "select e.traceparent, a.request_id, a.source, p.trace_id, p.span_id, p.allowed, p.input::text"
            " from executions e join audit_entries a on a.resource_id = e.id::text"
            " join policy_decisions p on p.execution_id = e.id and p.decision_id = a.decision_id where e.id = :id"
        )
        row = (await connection.execute(statement, {"id": made.id})).one()
    assert tuple(row[:6]) == (
        caller.traceparent,
        "req-9",
        "10.0.0.9",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00f067aa0ba902b7",
        True,
    )
    assert "s3cret" not in row[6]


async def test_an_execution_is_pinned_to_the_version_that_it_started_with(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)
    before = (await services.executions.execute(editor, workflow.id, ExecuteRequest())).execution
    await services.workflows.update(editor, workflow.id, document("Renamed"))
    await services.workflows.publish(editor, workflow.id, PublishRequest())

    after = (await services.executions.execute(editor, workflow.id, ExecuteRequest())).execution
    named = (await services.executions.execute(editor, workflow.id, ExecuteRequest(version="1.0.0"))).execution

    assert (await services.executions.get(editor, before.id)).workflow_version == "1.0.0"
    assert (after.workflow_version, named.workflow_version) == ("1.0.1", "1.0.0")


async def test_priority_is_the_callers_or_the_workflows(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor, document(settings={"priority": "low"}))

    own = (await services.executions.execute(editor, workflow.id, ExecuteRequest())).execution
    asked = (await services.executions.execute(editor, workflow.id, ExecuteRequest(priority=Priority.HIGH))).execution

    assert (own.priority, asked.priority) == (Priority.LOW, Priority.HIGH)


async def _refusal(services: Services, actor: Actor, workflow_id: UUID) -> str:
    with pytest.raises(Conflict) as raised:
        await services.executions.execute(actor, workflow_id, ExecuteRequest())
    return raised.value.code


async def test_what_was_never_published_does_not_start(services: Services, editor: Actor, database: Database) -> None:
    workflow = await services.workflows.create(editor, document())

    assert await _refusal(services, editor, workflow.id) == "workflow.not_published"
    assert await count(database, editor, "executions") == 0


async def test_what_was_taken_out_of_use_does_not_start_although_it_just_did(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)
    await services.executions.execute(editor, workflow.id, ExecuteRequest())

    await services.workflows.update(editor, workflow.id, document(isActive=False))
    assert await _refusal(services, editor, workflow.id) == "workflow.inactive"
    await services.workflows.update(editor, workflow.id, document(isActive=True))
    await services.executions.execute(editor, workflow.id, ExecuteRequest())
    await services.workflows.archive(editor, workflow.id)
    assert await _refusal(services, editor, workflow.id) == "workflow.archived"


async def test_a_version_that_is_not_there_is_not_found(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)

    with pytest.raises(NotFound) as raised:
        await services.executions.execute(editor, workflow.id, ExecuteRequest(version="3.0.0"))

    assert raised.value.code == "version.not_found"


async def test_trigger_data_must_fit_the_input_schema(services: Services, editor: Actor, database: Database) -> None:
    workflow = await published(services, editor, document(inputSchema=SCHEMA))

    with pytest.raises(ValidationFailed) as missing:
        await services.executions.execute(editor, workflow.id, ExecuteRequest({}))
    with pytest.raises(ValidationFailed) as wrong:
        await services.executions.execute(editor, workflow.id, ExecuteRequest({"order": "seven"}))

    assert [(one.code, one.path) for one in missing.value.faults] == [("trigger_data.schema.required", "/triggerData")]
    assert [(one.code, one.path) for one in wrong.value.faults] == [("trigger_data.schema.type", "/triggerData/order")]
    assert await count(database, editor, "executions") == 0


@pytest.mark.parametrize("value", [2**70, "\ud800"])
async def test_trigger_data_that_no_store_could_keep_is_refused(services: Services, editor: Actor, value: Json) -> None:
    workflow = await published(services, editor)

    with pytest.raises(ValidationFailed) as raised:
        await services.executions.execute(editor, workflow.id, ExecuteRequest({"n": value}), "key")

    assert [fault.code for fault in raised.value.faults] == ["trigger_data.unstorable"]


async def test_existence_then_policy_then_body(
    services: Services, editor: Actor, viewer: Actor, stranger: Actor
) -> None:
    workflow = await published(services, editor)
    faulty = ExecuteRequest(faults=(Fault("request.unknown_member", "/x", "x", "x"),))

    with pytest.raises(NotFound):
        await services.executions.execute(stranger, workflow.id, faulty)
    with pytest.raises(Denied):
        await services.executions.execute(viewer, workflow.id, faulty)
    with pytest.raises(ValidationFailed):
        await services.executions.execute(editor, workflow.id, faulty)


async def test_the_same_key_gives_the_same_execution(
    services: Services, editor: Actor, database: Database, bell: RecordingBell
) -> None:
    workflow = await published(services, editor)

    first = await services.executions.execute(editor, workflow.id, ExecuteRequest({"a": 1, "b": 2}), "key")
    second = await services.executions.execute(editor, workflow.id, ExecuteRequest({"b": 2, "a": 1}), '"key"')

    assert (first.replayed, second.replayed) == (False, True)
    assert second.execution == first.execution
    assert await count(database, editor, "executions") == 1
    assert len(await audit(database, editor, first.execution.id)) == 1
    assert len(bell.rung) == 1


async def test_concurrent_duplicates_make_one_execution(services: Services, editor: Actor, database: Database) -> None:
    workflow = await published(services, editor)

    answers = await asyncio.gather(
        *(services.executions.execute(editor, workflow.id, ExecuteRequest({"a": 1}), "key") for _ in range(25))
    )

    assert len({answer.execution.id for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert await count(database, editor, "executions") == 1


async def test_the_same_key_with_another_body_is_refused(services: Services, editor: Actor, database: Database) -> None:
    workflow = await published(services, editor)
    await services.executions.execute(editor, workflow.id, ExecuteRequest({"a": 1}), "key")

    for other in (ExecuteRequest({"a": 2}), ExecuteRequest({"a": 1}, priority=Priority.HIGH)):
        with pytest.raises(IdempotencyMismatch):
            await services.executions.execute(editor, workflow.id, other, "key")

    assert await count(database, editor, "executions") == 1


async def test_a_key_belongs_to_its_caller_and_workflow(services: Services, editor: Actor, admin: Actor) -> None:
    first = await published(services, editor)
    second = await published(services, editor)

    made = [
        (await services.executions.execute(actor, workflow.id, ExecuteRequest(), "key")).execution.id
        for actor in (editor, admin)
        for workflow in (first, second)
    ]

    assert len(set(made)) == 4


async def test_a_repeat_is_answered_although_the_workflow_would_start_no_more(
    services: Services, editor: Actor
) -> None:
    workflow = await published(services, editor)
    first = await services.executions.execute(editor, workflow.id, ExecuteRequest(), "key")
    await services.workflows.archive(editor, workflow.id)

    again = await services.executions.execute(editor, workflow.id, ExecuteRequest(), "key")

    assert (again.replayed, again.execution.id) == (True, first.execution.id)


async def test_a_key_is_forgotten_after_a_day(services: Services, editor: Actor, clock: FakeClock) -> None:
    workflow = await published(services, editor)
    first = await services.executions.execute(editor, workflow.id, ExecuteRequest({"a": 1}), "key")
    clock.advance(timedelta(hours=24, seconds=1))

    second = await services.executions.execute(editor, workflow.id, ExecuteRequest({"a": 2}), "key")

    assert not second.replayed
    assert second.execution.id != first.execution.id


async def test_a_refused_start_does_not_use_its_key_up(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor, document(inputSchema=SCHEMA))
    with pytest.raises(ValidationFailed):
        await services.executions.execute(editor, workflow.id, ExecuteRequest({}), "key")

    assert not (await services.executions.execute(editor, workflow.id, ExecuteRequest({"order": 1}), "key")).replayed


async def test_a_key_that_is_none_is_refused(services: Services, editor: Actor) -> None:
    workflow = await published(services, editor)

    with pytest.raises(MalformedRequest):
        await services.executions.execute(editor, workflow.id, ExecuteRequest(), "two words")


async def test_calls_that_come_together_share_commits(services: Services, editor: Actor, database: Database) -> None:
    workflow = await published(services, editor)
    await services.executions.execute(editor, workflow.id, ExecuteRequest())

    await asyncio.gather(*(services.executions.execute(editor, workflow.id, ExecuteRequest()) for _ in range(100)))

    commits = await count(database, editor, "(select distinct xmin::text from executions) as commits")
    assert await count(database, editor, "executions") == 101
    assert commits <= 20  # a few: how many come before the first commit is over depends on the machine


async def test_tenants_share_a_commit_and_nothing_else(
    services: Services, editor: Actor, stranger: Actor, database: Database
) -> None:
    mine = await published(services, editor)
    theirs = await published(services, stranger)

    await asyncio.gather(
        *(services.executions.execute(editor, mine.id, ExecuteRequest()) for _ in range(10)),
        *(services.executions.execute(stranger, theirs.id, ExecuteRequest()) for _ in range(10)),
    )

    assert await count(database, editor, "executions") == 10
    assert await count(database, stranger, f"executions where workflow_id = '{theirs.id}'") == 10
    assert await count(database, stranger, "audit_entries where action = 'workflow.execute'") == 10


async def test_a_row_that_is_refused_does_not_take_its_group_with_it(
    services: Services, editor: Actor, database: Database
) -> None:
    workflow = await published(services, editor)
    odd = Actor(editor.tenant, "ann", editor.roles, request_id="nul\0byte")

    outcomes = await asyncio.gather(
        *(services.executions.execute(editor, workflow.id, ExecuteRequest()) for _ in range(5)),
        services.executions.execute(odd, workflow.id, ExecuteRequest()),
        *(services.executions.execute(editor, workflow.id, ExecuteRequest()) for _ in range(5)),
        return_exceptions=True,
    )

    assert [isinstance(outcome, Exception) for outcome in outcomes].count(True) == 1
    assert await count(database, editor, "executions") == 10
