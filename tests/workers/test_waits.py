"""Executions that are parked and woken: timers, signals, sub-workflows, cancellation."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID, uuid4

from engine.jsonvalue import JsonObject
from engine.runtime.events import CancelAsked, Event, PauseAsked, ResumeAsked, SignalReceived
from engine.store.database import Database
from engine.store.inbox import Posting, post
from tests.workers.actions import Gate
from tests.workers.conftest import PATIENCE_S, Reader, StartWorker
from tests.workers.seeding import accept, document, new_id, publish, step
from workers.worker import Worker

HOUR_MS = 3_600_000


async def tell(url: str, worker: Worker, execution_id: UUID, event: Event) -> None:
    database = Database.connect(url, application_name="test")
    async with database.transaction("default") as connection:
        await post(connection, [Posting("default", execution_id, new_id(), event)])
    await database.close()
    await worker.bell.ring("default", [execution_id])


async def test_a_delay_parks_the_execution_and_a_timer_wakes_it(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    steps = [step("wait", ["after"], "delay", {"delayMs": HOUR_MS}), step("after")]
    [execution_id] = await accept(database_url, await publish(database_url, document(steps)))

    async with start_worker() as worker:
        await worker.bell.ring("default", [execution_id])
        await reader.until(
            "select 1 from timers t join executions e on e.id = t.subject_id"
            " where e.id = $1 and e.lease_owner is null and e.status = 'running'",
            execution_id,
        )
        async with asyncio.timeout(PATIENCE_S):
            while worker.runner.held:  # noqa: ASYNC110 - it lets go of what its commit has just given back
                await asyncio.sleep(0.01)
        due_at = await reader.connection.fetchval("select due_at from timers where subject_id = $1", execution_id)
        # The hour is over; the worker learns of it as it learns of timers that others have set.
        await reader.connection.execute("update timers set due_at = now() where subject_id = $1", execution_id)
        await reader.until_status([execution_id], "completed")

    began = next(r["at"] for r in await reader.checkpoints(execution_id) if r["status"] == "waiting")
    assert due_at - began == timedelta(milliseconds=HOUR_MS)
    assert await reader.connection.fetchval("select count(*) from timers where subject_id = $1", execution_id) == 0


async def test_a_signal_wakes_whoever_waits_for_it(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    steps = [step("wait", ["after"], "wait", {"signal": "go"}), step("after")]
    [execution_id] = await accept(database_url, await publish(database_url, document(steps)))

    async with start_worker() as worker:
        await worker.bell.ring("default", [execution_id])
        await reader.until_free(execution_id)
        await tell(database_url, worker, execution_id, SignalReceived("go", {"by": "a test"}, "1"))
        await reader.until_status([execution_id], "completed")

    [output] = [
        row["output"]
        for row in await reader.checkpoints(execution_id)
        if row["step_path"] == "wait" and row["status"] == "completed"
    ]
    assert json.loads(output) == {"by": "a test"}
    assert await reader.connection.fetchval("select count(*) from execution_inbox") == 0


async def test_a_cancellation_reaches_a_running_action_in_another_worker(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    gate = Gate()
    body = document([step("call", [], config={"actionType": "gate", "actionConfig": {}})])
    [execution_id] = await accept(database_url, await publish(database_url, body))

    async with start_worker(gate) as holder:
        await holder.bell.ring("default", [execution_id])
        await gate.called.wait()
        async with start_worker(gate) as other:
            for _ in range(4):  # whichever of the two reads it, the holder is told
                await tell(database_url, other, execution_id, CancelAsked("a test"))
            await reader.until_status([execution_id], "cancelled")

    assert (len(gate.calls), gate.stopped) == (1, 1)


async def test_a_pause_holds_the_next_step_until_the_resume(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    gate = Gate()
    steps = [step("call", ["after"], config={"actionType": "gate", "actionConfig": {}}), step("after")]
    [execution_id] = await accept(database_url, await publish(database_url, document(steps)))

    async with start_worker(gate) as worker:
        await worker.bell.ring("default", [execution_id])
        await gate.called.wait()
        await tell(database_url, worker, execution_id, PauseAsked("a test"))
        await reader.until_status([execution_id], "paused")
        gate.opened.set()
        await reader.until_free(execution_id)
        done = [r["step_path"] for r in await reader.checkpoints(execution_id) if r["status"] == "completed"]
        assert done == ["call"]
        await tell(database_url, worker, execution_id, ResumeAsked("a test"))
        await reader.until_status([execution_id], "completed")


async def test_a_sub_workflow_gives_its_output_to_its_parent(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    child = await publish(database_url, document([step("inner")]))
    steps = [step("sub", ["after"], "subprocess", {"subWorkflowId": str(child.workflow_id)}), step("after")]
    [execution_id] = await accept(database_url, await publish(database_url, document(steps)))

    async with start_worker() as worker:
        await worker.bell.ring("default", [execution_id])
        await reader.until_status([execution_id], "completed")

    found = await reader.connection.fetchrow("select * from executions where parent_execution_id = $1", execution_id)
    assert found is not None
    assert (found["status"], found["trigger_type"], found["depth"]) == ("completed", "subprocess", 1)
    assert (found["workflow_version"], found["parent_step_path"]) == ("1.0.0", "sub")


async def test_a_sub_workflow_that_was_never_published_fails_its_step(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    body = document([step("sub", [], "subprocess", {"subWorkflowId": str(uuid4())})])
    [execution_id] = await accept(database_url, await publish(database_url, body))

    async with start_worker() as worker:
        await worker.bell.ring("default", [execution_id])
        await reader.until_status([execution_id], "failed")

    failed = [row for row in await reader.checkpoints(execution_id) if row["status"] == "failed" and row["step_path"]]
    [failure] = [json.loads(row["failure"]) for row in failed]
    assert failure["code"] == "subprocess.failed"
    assert failure["details"]["cause"]["code"] == "subprocess.version_not_found"


async def test_a_workflow_that_starts_itself_ends(database_url: str, start_worker: StartWorker, reader: Reader) -> None:
    workflow_id = uuid4()
    body = document([step("again", [], "subprocess", {"subWorkflowId": str(workflow_id)})])
    [execution_id] = await accept(database_url, await publish(database_url, body, workflow_id=workflow_id))

    async with start_worker() as worker:
        await worker.bell.ring("default", [execution_id])
        await reader.until_status([execution_id], "failed")

    deepest = await reader.connection.fetchval("select max(depth) from executions where workflow_id = $1", workflow_id)
    assert deepest == 20


async def test_cancelling_the_parent_cancels_the_child(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    child = await publish(database_url, document([step("wait", [], "wait", {"signal": "never"})]))
    body = document([step("sub", [], "subprocess", {"subWorkflowId": str(child.workflow_id)})])
    [execution_id] = await accept(database_url, await publish(database_url, body))

    async with start_worker() as worker:
        await worker.bell.ring("default", [execution_id])
        of_parent = "select 1 from executions where parent_execution_id = $1 and status = "
        await reader.until(of_parent + "'running' and lease_owner is null", execution_id)
        await tell(database_url, worker, execution_id, CancelAsked("a test"))
        await reader.until_status([execution_id], "cancelled")
        await reader.until(of_parent + "'cancelled'", execution_id)


async def test_a_human_task_opens_and_becomes_obsolete_with_its_execution(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    form: JsonObject = {"fields": [{"name": "ok", "label": "OK", "type": "boolean", "required": True}]}
    config: JsonObject = {"assignees": ["ann"], "formConfig": form, "title": "Look at this"}
    body = document([step("review", [], "human", config)])
    [execution_id] = await accept(database_url, await publish(database_url, body))

    async with start_worker() as worker:
        await worker.bell.ring("default", [execution_id])
        await reader.until("select 1 from human_tasks where execution_id = $1", execution_id)
        opened = await reader.connection.fetchrow("select * from human_tasks where execution_id = $1", execution_id)
        await tell(database_url, worker, execution_id, CancelAsked("a test"))
        await reader.until("select 1 from human_tasks where execution_id = $1 and status = 'obsolete'", execution_id)

    assert opened is not None
    assert (opened["status"], opened["owner"], opened["step_path"]) == ("assigned", "ann", "review")
    assert json.loads(opened["form_config"]) == form
    trail = await reader.connection.fetch(
        "select seq, from_status, to_status from human_task_audit where task_id = $1 order by seq", opened["id"]
    )
    assert [tuple(row) for row in trail] == [
        (1, None, "created"),
        (2, "created", "assigned"),
        (3, "assigned", "obsolete"),
    ]
