"""`settings.concurrency`: slots of a workflow that are leased, given on, and heal themselves."""

import asyncio
from uuid import UUID

from engine.store import slots
from engine.store.hot import HotConnection
from tests.workers.actions import Turnstile
from tests.workers.conftest import PATIENCE_S, Reader, StartWorker
from tests.workers.seeding import accept, document, publish, step
from workers.worker import Worker

SWEEPING = {"sweep_age_s": 0.0, "sweep_s": 0.05}
HOLDERS = "select slot, execution_id from workflow_slots where workflow_id = $1 order by slot"


async def limited(url: str, reader: Reader, count: int, limit: int) -> tuple[UUID, list[UUID]]:
    """Executions of a workflow of which only `limit` may run at once."""
    body = document([step("call", [], config={"actionType": "turnstile", "actionConfig": {}})], concurrency=limit)
    version = await publish(url, body)
    ids = await accept(url, version, count)
    await reader.connection.execute("update executions set slot_limit = $2 where id = any($1)", ids, limit)
    return version.workflow_id, ids


async def test_no_more_run_at_once_than_the_workflow_allows_and_all_run_in_the_end(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    turnstile = Turnstile()
    workflow_id, ids = await limited(database_url, reader, 7, 2)

    async with start_worker(turnstile, **SWEEPING), start_worker(turnstile, **SWEEPING), asyncio.timeout(PATIENCE_S):
        for ended in range(7):
            await turnstile.until_called(min(7, ended + 2))
            running = await reader.connection.fetchval(
                "select count(*) from executions where id = any($1) and status = 'running'", ids
            )
            assert running <= 2
            assert len(await reader.connection.fetch(HOLDERS, workflow_id)) <= 2
            turnstile.let_through(1)
        await reader.until_status(ids, "completed")

    assert {call.execution_id for call in turnstile.calls} == set(ids)
    assert len(turnstile.calls) == 7


async def test_the_slots_say_who_holds_them(database_url: str, start_worker: StartWorker, reader: Reader) -> None:
    turnstile = Turnstile()
    workflow_id, ids = await limited(database_url, reader, 3, 2)

    async with start_worker(turnstile, **SWEEPING):
        await turnstile.until_called(2)
        held = [(row["slot"], row["execution_id"]) for row in await reader.connection.fetch(HOLDERS, workflow_id)]
        turnstile.let_through(3)
        await reader.until_status(ids, "completed")

    assert [slot for slot, _ in held] == [1, 2]
    assert {holder for _, holder in held} == {call.execution_id for call in turnstile.calls[:2]}


async def test_a_slot_that_nobody_gave_back_heals(
    database_url: str, start_worker: StartWorker, reader: Reader, loop_connection: HotConnection
) -> None:
    turnstile = Turnstile()
    turnstile.let_through(10)
    workflow_id, [ended, waiting] = await limited(database_url, reader, 2, 1)
    await reader.connection.execute(
        "update executions set status = 'cancelled', finished_at = now() where id = $1", ended
    )
    await reader.connection.execute(
        "insert into workflow_slots (tenant_id, workflow_id, slot, execution_id) values ('default', $1, 1, $2)",
        workflow_id,
        ended,
    )

    async with start_worker(turnstile, **SWEEPING) as worker:
        await reader.until("select 1 from executions where id = $1 and available_at = 'infinity'", waiting)
        worker.intake.slots_granted(await slots.heal(loop_connection, 0.0))
        await reader.until_status([waiting], "completed")


async def test_a_cancelled_one_needs_no_slot_to_end(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    turnstile = Turnstile()
    _, ids = await limited(database_url, reader, 2, 1)

    async with start_worker(turnstile, **SWEEPING) as worker:
        running, queued = await who_runs_and_who_waits(turnstile, ids)
        await ask(reader, worker, queued, "CancelAsked", '{"actor": "ada", "reason": ""}')
        await reader.until_status([queued], "cancelled")
        turnstile.let_through(1)
        await reader.until_status([running], "completed")

    assert len(turnstile.calls) == 1


async def test_one_that_is_paused_while_it_waits_for_its_slot_stands_still_once_it_has_it(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    turnstile = Turnstile()
    workflow_id, ids = await limited(database_url, reader, 2, 1)

    async with start_worker(turnstile, **SWEEPING) as worker:
        running, queued = await who_runs_and_who_waits(turnstile, ids)
        await ask(reader, worker, queued, "PauseAsked", '{"actor": "ada"}')
        await reader.until("select 1 from executions where id = $1 and available_at = 'infinity'", queued)
        assert await reader.connection.fetchval("select status from executions where id = $1", queued) == "queued"
        turnstile.let_through(2)
        await reader.until_status([running], "completed")
        await reader.until_status([queued], "paused")
        assert [row["execution_id"] for row in await reader.connection.fetch(HOLDERS, workflow_id)] == [queued]
        assert len(turnstile.calls) == 1
        await ask(reader, worker, queued, "ResumeAsked", '{"actor": "ada"}')
        await reader.until_status([queued], "completed")


async def who_runs_and_who_waits(turnstile: Turnstile, ids: list[UUID]) -> tuple[UUID, UUID]:
    """Of two executions the one that has the only slot, and the other."""
    await turnstile.until_called(1)
    running = turnstile.calls[0].execution_id
    [waiting] = set(ids) - {running}
    return running, waiting


async def ask(reader: Reader, worker: Worker, execution_id: UUID, kind: str, payload: str) -> None:
    """What somebody wants of an execution, as the API leaves it in the inbox."""
    await reader.connection.execute(
        "insert into execution_inbox (tenant_id, execution_id, id, kind, payload)"
        " values ('default', $1, gen_random_uuid(), $2, $3)",
        execution_id,
        kind,
        payload,
    )
    await worker.bell.ring("default", [execution_id])
