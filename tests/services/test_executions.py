"""Looking at executions and controlling them."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from engine.errors import Conflict, Denied, MalformedRequest, NotFound, ValidationFailed
from engine.identity.actor import Actor
from engine.jsonvalue import Json
from engine.runtime.states import ExecutionStatus, StepStatus
from engine.services.requests import (
    BulkAction,
    BulkRequest,
    ControlRequest,
    ExecuteRequest,
    ResolveOutcome,
    ResolveRequest,
    RetryRequest,
    SignalRequest,
)
from engine.services.services import Services
from engine.services.values import Execution, ExecutionFilter, PageRequest
from engine.store.database import Database
from tests.clock import FakeClock
from tests.services.conftest import Pauses, RecordingBell
from tests.services.documents import audit, document, published, step
from tests.store.rows import add_checkpoint

FINAL = {"completed", "failed", "cancelled"}
ALL = ["queued", "running", "paused", "completed", "failed", "cancelled"]


async def started(services: Services, actor: Actor, workflow_id: UUID | None = None) -> Execution:
    if workflow_id is None:
        workflow_id = (await published(services, actor, document("W", step("a", "b"), step("b")))).id
    return (await services.executions.execute(actor, workflow_id, ExecuteRequest({"n": 1}))).execution


async def put_into(database: Database, actor: Actor, execution_id: UUID, status: str, last_seq: int = 0) -> None:
    statement = text(
        "update executions set status = :status, last_seq = :seq,"
        " finished_at = case when :final then now() end where id = :id"
    )
    async with database.transaction(actor.tenant) as connection:
        values = {"status": status, "seq": last_seq, "final": status in FINAL, "id": execution_id}
        await connection.execute(statement, values)


async def inbox(database: Database, actor: Actor, execution_id: UUID) -> list[tuple[str, Json]]:
    statement = text("select kind, payload from execution_inbox where execution_id = :id order by id")
    async with database.transaction(actor.tenant) as connection:
        return [(row.kind, row.payload) for row in await connection.execute(statement, {"id": execution_id})]


async def record_first_step(database: Database, actor: Actor, execution_id: UUID) -> None:
    """The execution runs, step `a` has completed, step `b` is out."""
    add = (database, actor.tenant, execution_id)
    await add_checkpoint(*add, 1, "", "running")
    await add_checkpoint(*add, 2, "a", "running", attempt=1, input={"n": 1})
    await add_checkpoint(*add, 3, "a", "completed", attempt=1, output={"ok": True})
    await add_checkpoint(*add, 4, "b", "running", attempt=1)
    await put_into(database, actor, execution_id, "running", 4)


async def test_steps_and_context_are_folded_from_the_checkpoints(
    services: Services, editor: Actor, database: Database
) -> None:
    execution = await started(services, editor)
    await record_first_step(database, editor, execution.id)

    seen = await services.executions.get(editor, execution.id)

    assert seen.steps is not None
    assert [(one.step_id, one.status, one.output) for one in seen.steps] == [
        ("a", StepStatus.COMPLETED, {"ok": True}),
        ("b", StepStatus.RUNNING, None),
    ]
    assert (seen.steps[0].input, seen.steps[0].retry_count, seen.steps[0].duration_ms) == ({"n": 1}, 0, 0)
    assert seen.context is not None
    assert seen.context["steps"] == {"a": {"status": "completed", "output": {"ok": True}}}
    assert await services.executions.steps_of(editor, [execution.id]) == {execution.id: seen.steps}
    assert await services.executions.contexts_of(editor, [execution.id]) == {execution.id: seen.context}


async def test_steps_inside_loops_are_named_by_their_ids(services: Services, editor: Actor, database: Database) -> None:
    execution = await started(services, editor)
    statement = text(
        "update executions set current_step = 'each/call', failed_steps = '[\"each/call\", \"each\"]',"
        ' failure = \'{"code": "http.503", "message": "No.", "details": {"stepId": "each/call"}}\' where id = :id'
    )
    async with database.transaction(editor.tenant) as connection:
        await connection.execute(statement, {"id": execution.id})

    read = await services.executions.get(editor, execution.id)

    assert (read.current_step, read.failed_steps) == ("call", ("call", "each"))
    assert read.error is not None
    assert read.error.step_id == "call"


async def test_many_executions_are_read_without_their_steps(services: Services, editor: Actor) -> None:
    execution = await started(services, editor)

    found = await services.executions.get_many(editor, [execution.id, uuid4()])

    assert list(found) == [execution.id]
    assert (found[execution.id].steps, found[execution.id].context) == (None, None)


async def test_other_tenants_executions_are_not_there(
    services: Services, editor: Actor, stranger: Actor, database: Database
) -> None:
    execution = await started(services, editor)
    control = ControlRequest()

    for attempt in (
        services.executions.get(stranger, execution.id),
        services.executions.cancel(stranger, execution.id, control),
        services.executions.pause(stranger, execution.id, control),
        services.executions.resume(stranger, execution.id, control),
        services.executions.retry(stranger, execution.id, RetryRequest()),
        services.executions.signal(stranger, execution.id, "go", SignalRequest()),
        services.executions.resolve(stranger, execution.id, "a", ResolveRequest(ResolveOutcome.RETRY)),
        services.executions.logs(stranger, execution.id),
        anext(aiter(services.executions.events(stranger, execution.id))),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await services.executions.get_many(stranger, [execution.id]) == {}
    assert await services.executions.steps_of(stranger, [execution.id]) == {}
    assert (await services.executions.list(stranger, ExecutionFilter(), PageRequest())).total == 0
    assert await inbox(database, editor, execution.id) == []


async def test_lists_filter_and_go_on_by_key(
    services: Services, editor: Actor, database: Database, clock: FakeClock
) -> None:
    workflow = await published(services, editor)
    made = []
    for _ in range(5):
        made.append((await started(services, editor, workflow.id)).id)
        clock.advance(timedelta(seconds=1))
    other = await started(services, editor)
    await put_into(database, editor, made[2], "completed")

    async def ids(wanted: ExecutionFilter, page: PageRequest) -> list[UUID]:
        return [one.id for one in (await services.executions.list(editor, wanted, page)).items]

    of_workflow = ExecutionFilter(workflow_id=workflow.id)
    assert await ids(ExecutionFilter(), PageRequest()) == [other.id, *reversed(made)]
    assert await ids(of_workflow, PageRequest()) == list(reversed(made))
    assert await ids(ExecutionFilter(status=ExecutionStatus.COMPLETED), PageRequest()) == [made[2]]
    first = await services.executions.list(editor, of_workflow, PageRequest(limit=2))
    assert await ids(of_workflow, PageRequest(limit=2, after=first.next_cursor)) == [made[2], made[1]]
    with pytest.raises(MalformedRequest):
        await services.executions.list(editor, ExecutionFilter(), PageRequest(after=first.next_cursor))


async def test_whole_lists_have_steps_and_contexts(services: Services, editor: Actor, database: Database) -> None:
    execution = await started(services, editor)
    await record_first_step(database, editor, execution.id)

    found = await services.executions.list(editor, ExecutionFilter(), PageRequest(), whole=True)

    assert found.items == (await services.executions.get(editor, execution.id),)


@pytest.mark.parametrize("operation", ["cancel", "pause", "resume", "retry"])
@pytest.mark.parametrize("status", ALL)
async def test_each_operation_fits_its_states(
    services: Services, editor: Actor, database: Database, bell: RecordingBell, operation: str, status: str
) -> None:
    fits = {
        "cancel": {"queued", "running", "paused"},
        "pause": {"queued", "running"},
        "resume": {"paused"},
        "retry": {"failed", "cancelled"},
    }
    execution = await started(services, editor)
    await put_into(database, editor, execution.id, status)
    bell.rung.clear()
    request = RetryRequest() if operation == "retry" else ControlRequest()
    call = getattr(services.executions, operation)(editor, execution.id, request)

    if status in fits[operation]:
        assert (await call).id == execution.id
        assert [kind for kind, _ in await inbox(database, editor, execution.id)] == [f"{operation.capitalize()}Asked"]
        assert bell.rung == [(editor.tenant, execution.id)]
        actions = [entry[0] for entry in await audit(database, editor, execution.id)]
        assert actions == ["workflow.execute", f"execution.{operation}"]
        return
    with pytest.raises(Conflict) as raised:
        await call
    assert raised.value.code == f"execution.not_{operation}able"
    assert (await inbox(database, editor, execution.id), bell.rung) == ([], [])


async def test_completed_executions_are_retried_from_a_named_step_only(
    services: Services, editor: Actor, database: Database
) -> None:
    execution = await started(services, editor)
    await put_into(database, editor, execution.id, "completed")

    with pytest.raises(Conflict):
        await services.executions.retry(editor, execution.id, RetryRequest())
    with pytest.raises(NotFound) as unknown:
        await services.executions.retry(editor, execution.id, RetryRequest("nowhere"))
    await services.executions.retry(editor, execution.id, RetryRequest("b", restart_successful=True))

    assert unknown.value.code == "step.not_found"
    assert await inbox(database, editor, execution.id) == [
        ("RetryAsked", {"actor": "ann", "from_step_id": "b", "restart_successful": True})
    ]


async def test_a_signal_carries_its_payload_and_an_identity(
    services: Services, editor: Actor, database: Database
) -> None:
    execution = await started(services, editor)

    await services.executions.signal(editor, execution.id, "approved", SignalRequest({"by": "ann"}))

    ((kind, payload),) = await inbox(database, editor, execution.id)
    assert isinstance(payload, dict)
    assert (kind, payload["name"], payload["payload"]) == ("SignalReceived", "approved", {"by": "ann"})
    assert UUID(str(payload["signal_id"])).version == 7


async def test_an_ended_execution_takes_no_signal(services: Services, editor: Actor, database: Database) -> None:
    execution = await started(services, editor)
    await put_into(database, editor, execution.id, "failed")

    with pytest.raises(Conflict) as raised:
        await services.executions.signal(editor, execution.id, "approved", SignalRequest())

    assert raised.value.code == "execution.not_signalable"


async def test_an_in_doubt_step_is_resolved(services: Services, editor: Actor, database: Database) -> None:
    execution = await started(services, editor)
    await record_first_step(database, editor, execution.id)
    await add_checkpoint(database, editor.tenant, execution.id, 5, "b", "in_doubt", attempt=1)
    request = ResolveRequest(ResolveOutcome.COMPLETED, {"sent": True}, "The mail arrived")

    await services.executions.resolve(editor, execution.id, "b", request)

    assert await inbox(database, editor, execution.id) == [
        (
            "StepResolved",
            {
                "key": ["b", ""],
                "outcome": "completed",
                "actor": "ann",
                "output": {"sent": True},
                "comment": "The mail arrived",
            },
        )
    ]


async def test_what_cannot_be_resolved_is_refused(services: Services, editor: Actor, database: Database) -> None:
    execution = await started(services, editor)
    await record_first_step(database, editor, execution.id)

    with pytest.raises(Conflict) as certain:
        await services.executions.resolve(editor, execution.id, "b", ResolveRequest(ResolveOutcome.RETRY))
    with pytest.raises(NotFound):
        await services.executions.resolve(editor, execution.id, "nowhere", ResolveRequest(ResolveOutcome.RETRY))
    with pytest.raises(ValidationFailed):
        await services.executions.resolve(editor, execution.id, "b", ResolveRequest())

    assert certain.value.code == "step.not_in_doubt"
    assert await inbox(database, editor, execution.id) == []


async def test_bulk_says_what_was_done_and_what_was_refused(
    services: Services, editor: Actor, admin: Actor, database: Database, bell: RecordingBell
) -> None:
    workflow = await published(services, editor)
    running = await started(services, editor, workflow.id)
    ended = await started(services, editor, workflow.id)
    untouched = await started(services, editor)
    await put_into(database, editor, ended.id, "completed")
    bell.rung.clear()
    request = BulkRequest(BulkAction.CANCEL, ExecutionFilter(workflow_id=workflow.id), "Wrong prices")

    result = await services.executions.bulk(admin, request)

    assert (result.done, result.remaining) == ((running.id,), False)
    assert [(one.execution_id, one.code) for one in result.refused] == [(ended.id, "execution.not_cancelable")]
    assert await inbox(database, editor, running.id) == [("CancelAsked", {"actor": "root", "reason": "Wrong prices"})]
    assert await inbox(database, editor, untouched.id) == []
    assert bell.rung == [(editor.tenant, running.id)]
    assert [entry[:2] for entry in await audit(database, editor, running.id)][1:] == [("execution.cancel", "root")]


async def test_bulk_needs_a_role_of_its_own_and_an_action(services: Services, editor: Actor, admin: Actor) -> None:
    with pytest.raises(Denied):
        await services.executions.bulk(editor, BulkRequest())
    with pytest.raises(ValidationFailed):
        await services.executions.bulk(admin, BulkRequest())


async def test_events_go_on_where_the_reader_left_and_end_with_the_execution(
    services: Services, editor: Actor, database: Database, pauses: Pauses
) -> None:
    execution = await started(services, editor)
    await record_first_step(database, editor, execution.id)

    async def finish() -> None:
        await add_checkpoint(database, editor.tenant, execution.id, 5, "b", "completed", attempt=1)
        await add_checkpoint(database, editor.tenant, execution.id, 6, "", "completed")
        await put_into(database, editor, execution.id, "completed", 6)

    pauses.move = finish
    seen = [event async for event in services.executions.events(editor, execution.id, after_seq=2)]

    assert [(event.seq, event.step.step_id if event.step else None, event.status) for event in seen] == [
        (3, "a", "completed"),
        (4, "b", "running"),
        (5, "b", "completed"),
        (6, None, "completed"),
    ]
    assert pauses.taken == 1


async def test_the_log_tells_each_transition(services: Services, editor: Actor, database: Database) -> None:
    execution = await started(services, editor)
    await record_first_step(database, editor, execution.id)
    failure = {"code": "http.503", "message": "The far side is down."}
    await add_checkpoint(database, editor.tenant, execution.id, 5, "b", "waiting", attempt=1, failure=failure)
    await add_checkpoint(database, editor.tenant, execution.id, 6, "b", "failed", attempt=2, failure=failure)

    lines = await services.executions.logs(editor, execution.id)

    assert [(line.level, line.step_id, line.message) for line in lines[-3:]] == [
        ("info", "b", "Step 'b' is running"),
        ("warning", "b", "Step 'b' is waiting: The far side is down."),
        ("error", "b", "Step 'b' is failed: The far side is down."),
    ]
    assert len(lines) == 6


async def test_viewers_look_and_do_nothing(
    services: Services, editor: Actor, viewer: Actor, database: Database
) -> None:
    execution = await started(services, editor)

    assert (await services.executions.get(viewer, execution.id)).id == execution.id
    with pytest.raises(Denied):
        await services.executions.cancel(viewer, execution.id, ControlRequest())
    assert await inbox(database, editor, execution.id) == []
