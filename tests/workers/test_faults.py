"""What must not happen: lost leases that write, one bad execution that harms others, work that a stop forgets."""

import asyncio
import json

import pytest

from engine.actions.interface import Failed, Succeeded
from engine.jsonvalue import JsonObject
from engine.queue.link import Link
from engine.queue.streams import DEAD
from engine.store.database import APP_ROLE, LOOP_ROLE, Database
from tests.workers.actions import UNSTORABLE, Answer, Gate
from tests.workers.conftest import PATIENCE_S, NewWorker, Reader, StartWorker
from tests.workers.seeding import accept, chain, document, publish, step


async def test_an_execution_that_nobody_rang_for_is_found_by_the_sweep(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    ids = await accept(database_url, await publish(database_url, document(chain(2))), 3)

    async with start_worker(sweep_age_s=0.0, sweep_s=0.1):
        await reader.until_status(ids, "completed")


async def test_a_stopping_worker_hands_outcomes_on_and_the_step_is_not_run_again(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    gate = Gate()
    steps = [step("call", ["after"], config={"actionType": "gate", "actionConfig": {}}), step("after")]
    [execution_id] = await accept(database_url, await publish(database_url, document(steps)))

    async with start_worker(gate, drain_s=PATIENCE_S) as stopping:
        await stopping.bell.ring("default", [execution_id])
        await gate.called.wait()
        stopping.stop()
        await reader.until("select 1 from workers where id = $1 and stopped_at is null", stopping.id)
        gate.opened.set()
    seen = [(row["step_path"], row["status"]) for row in await reader.checkpoints(execution_id) if row["step_path"]]
    assert seen == [("call", "running")]
    assert await reader.mail(execution_id) == ["ActionSucceeded"]

    async with start_worker(gate):
        await reader.until_status([execution_id], "completed")

    assert len(gate.calls) == 1


async def test_an_interrupted_attempt_is_made_again_under_the_same_key(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    gate = Gate()
    body = document([step("call", [], config={"actionType": "gate", "actionConfig": {}})])
    [execution_id] = await accept(database_url, await publish(database_url, body))

    async with start_worker(gate, drain_s=0.05) as stopping:
        await stopping.bell.ring("default", [execution_id])
        await gate.called.wait()
    gate.opened.set()
    async with start_worker(gate):
        await reader.until_status([execution_id], "completed")

    assert gate.stopped == 1
    assert [call.idempotency_key for call in gate.calls] == [f"{execution_id}:call:-:0"] * 2


async def test_what_must_be_sent_at_most_once_is_in_doubt_after_an_interruption(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    gate = Gate()
    config: JsonObject = {"actionType": "gate", "actionConfig": {}, "delivery": "at_most_once", "onInDoubt": "fail"}
    [execution_id] = await accept(
        database_url, await publish(database_url, document([step("call", [], config=config)]))
    )

    async with start_worker(gate, drain_s=0.05) as stopping:
        await stopping.bell.ring("default", [execution_id])
        await gate.called.wait()
    gate.opened.set()
    async with start_worker(gate):
        await reader.until_status([execution_id], "failed")

    assert len(gate.calls) == 1
    assert "in_doubt" in [row["status"] for row in await reader.checkpoints(execution_id)]


async def test_an_attempt_ends_at_its_time_limit(database_url: str, start_worker: StartWorker, reader: Reader) -> None:
    gate = Gate()
    config: JsonObject = {"actionType": "gate", "actionConfig": {}, "timeout": 50}
    [execution_id] = await accept(
        database_url, await publish(database_url, document([step("call", [], config=config)]))
    )

    async with start_worker(gate) as worker:
        await worker.bell.ring("default", [execution_id])
        await reader.until_status([execution_id], "failed")

    [failed] = [r for r in await reader.checkpoints(execution_id) if r["step_path"] and r["status"] == "failed"]
    assert "timeout" in json.loads(failed["failure"])["code"]
    assert gate.stopped == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(Failed("answer.no", "No.")), "answer.no"),
        (Answer(Succeeded({}), error=RuntimeError("a bug")), "action.crashed"),
    ],
)
async def test_a_failing_action_fails_its_step(
    answer: Answer, code: str, database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    body = document([step("call", [], config={"actionType": "answer", "actionConfig": {}})])
    [execution_id] = await accept(database_url, await publish(database_url, body))

    async with start_worker(answer) as worker:
        await worker.bell.ring("default", [execution_id])
        await reader.until_status([execution_id], "failed")

    failure = await reader.connection.fetchval("select failure from executions where id = $1", execution_id)
    assert json.loads(failure)["code"] == code


async def test_an_action_that_this_worker_does_not_have_fails_its_step(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    body = document([step("call", [], config={"actionType": "vanished", "actionConfig": {}})])
    [execution_id] = await accept(database_url, await publish(database_url, body))

    async with start_worker() as worker:
        await worker.bell.ring("default", [execution_id])
        await reader.until_status([execution_id], "failed")

    failure = await reader.connection.fetchval("select failure from executions where id = $1", execution_id)
    assert json.loads(failure)["code"] == "action.unknown"


@pytest.mark.parametrize("result", [UNSTORABLE, Succeeded({"a lone surrogate": "\ud800"})])
async def test_what_the_database_refuses_ends_alone_among_the_dead_letters(
    result: Failed | Succeeded, database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    bad = await publish(database_url, document([step("call", [], config={"actionType": "answer", "actionConfig": {}})]))
    good = await publish(database_url, document(chain(5)))
    [poisoned] = await accept(database_url, bad)
    others = await accept(database_url, good, 20)

    async with start_worker(Answer(result)) as worker:
        await worker.bell.ring("default", [*others[:10], poisoned, *others[10:]])
        await reader.until_status(others, "completed")
        await reader.until_status([poisoned], "failed")

    letter = await reader.connection.fetchrow("select * from dead_letters where execution_id = $1", poisoned)
    assert letter is not None
    assert (letter["kind"], letter["cause_code"], letter["status"]) == ("execution", "execution.unstorable", "open")
    assert [row["status"] for row in json.loads(letter["history"])][-1] == "failed"


async def test_an_execution_that_never_makes_progress_is_quarantined(
    database_url: str, start_worker: StartWorker, reader: Reader, link: Link
) -> None:
    version = await publish(database_url, document(chain(2)))
    [poisoned, other] = await accept(database_url, version, 2)
    await reader.connection.execute("update executions set deliveries = 5 where id = $1", poisoned)

    async with start_worker(sweep_s=0.05) as worker:
        await worker.bell.ring("default", [poisoned, other])
        await reader.until_status([other], "completed")
        await reader.until_status([poisoned], "failed")
        await reader.until("select 1 where not exists (select from outbox where topic = 'dead_letter')")
        stream = [fields for _, fields in await link.commands.xrange(DEAD)]

    codes = [fields[b"code"] for fields in stream if fields[b"executionId"] == str(poisoned).encode()]
    assert codes == [b"execution.deliveries_exhausted"]
    assert (
        await reader.connection.fetchval("select deliveries from dead_letters where execution_id = $1", poisoned) == 6
    )


async def test_of_many_suspects_one_is_taken_at_a_time_and_all_of_them_end(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    ids = await accept(database_url, await publish(database_url, document(chain(2))), 12)
    await reader.connection.execute("update executions set deliveries = 3 where id = any($1)", ids)

    async with start_worker() as worker:
        await worker.bell.ring("default", ids)
        await reader.until_status(ids, "completed")


async def test_a_definition_that_cannot_be_read_ends_its_executions_only(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    broken = await publish(database_url, {"name": "broken", "steps": "none"})
    [unreadable] = await accept(database_url, broken)
    [fine] = await accept(database_url, await publish(database_url, document(chain(1))))

    async with start_worker() as worker:
        await worker.bell.ring("default", [unreadable, fine])
        await reader.until_status([fine], "completed")
        await reader.until_status([unreadable], "failed")

    failure = await reader.connection.fetchval("select failure from executions where id = $1", unreadable)
    assert json.loads(failure)["code"] == "execution.unreadable"


async def test_a_worker_that_was_stopped_from_outside_ends(new_worker: NewWorker, reader: Reader) -> None:
    worker = new_worker(heartbeat_s=0.05)
    running = asyncio.get_running_loop().create_task(worker.run())
    await reader.until("select 1 from workers where id = $1 and heartbeat_at > started_at", worker.id)

    await reader.connection.execute("update workers set stopped_at = now() where id = $1", worker.id)

    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        await running


async def test_the_roles_of_a_worker_are_the_limited_ones(database: Database) -> None:
    for role in (APP_ROLE, LOOP_ROLE):
        connection = await database.raw(role)
        assert await connection.fetchval("select current_user") == role
        await connection.close()


async def test_an_output_beyond_the_limit_fails_its_step_and_says_so(
    database_url: str, start_worker: StartWorker, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.payloads.LIMIT", 1_000)
    answer = Answer(Succeeded({"text": "x" * 1_000}))
    body = document([step("call", [], config={"actionType": "answer", "actionConfig": {}})])
    [execution_id] = await accept(database_url, await publish(database_url, body))

    async with start_worker(answer) as worker:
        await worker.bell.ring("default", [execution_id])
        await reader.until_status([execution_id], "failed")

    failure = json.loads(await reader.connection.fetchval("select failure from executions where id = $1", execution_id))
    assert (failure["code"], failure["details"]["bytes"]) == ("step.output_too_large", 1_011)
