"""Wide fan-outs: attempts beyond the first are made by other workers, and by nobody twice."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from engine.definitions.model import Delivery
from engine.runtime.effects import RunAction
from engine.runtime.events import ActionSucceeded, CancelAsked
from engine.runtime.states import StepKey
from engine.store import lent, workers
from engine.store.claims import ExecutionRef
from engine.store.database import Database
from engine.store.hot import HotConnection
from engine.store.inbox import Posting, post
from engine.store.lent import Settlement
from tests.workers.actions import Gate
from tests.workers.conftest import PATIENCE_S, Reader, StartWorker
from tests.workers.seeding import accept, document, new_id, publish, step
from workers.worker import Worker

WIDE = 12
OWN = 4


async def fan_out(database_url: str, **config: str) -> UUID:
    """An accepted execution of many calls at once and a join that wants all of them."""
    names = [f"b{n}" for n in range(WIDE)]
    join = step("join") | {"join": "all"}
    calls = [step(name, ["join"], config={"actionType": "gate", "actionConfig": {}, **config}) for name in names]
    version = await publish(database_url, document([step("start", names), *calls, join]))
    [execution_id] = await accept(database_url, version)
    return execution_id


async def both_live(reader: Reader, *workers: Worker) -> None:
    """Return when these workers can be lent to: who offers to nobody makes everything by itself."""
    live = "select 1 where (select count(*) from workers where id = any($1) and lease_until > now()) = $2"
    await reader.until(live, [worker.id for worker in workers], len(workers))


@dataclass(frozen=True, slots=True)
class Offer:
    """Two attempts of an execution that one worker offers and another may take."""

    ref: ExecutionRef
    lender: UUID
    borrower: UUID
    runs: list[RunAction]


async def offered(database_url: str, connection: HotConnection, reader: Reader) -> Offer:
    execution_id = await fan_out(database_url)
    runs = [_run(execution_id, name) for name in ("b0", "b1")]
    offer = Offer(ExecutionRef("default", execution_id), new_id(), new_id(), runs)
    for worker_id in (offer.lender, offer.borrower):
        await workers.register(connection, worker_id, "test", 60.0)
    await reader.connection.execute(
        "update executions set lease_owner = $2, lease_epoch = 1, status = 'running' where id = $1",
        execution_id,
        offer.lender,
    )
    await lent.offer(connection, offer.lender, [(lent.LentId(*offer.ref, run.key, 1), run) for run in runs])
    return offer


async def test_two_workers_share_a_fan_out(database_url: str, start_worker: StartWorker, reader: Reader) -> None:
    execution_id = await fan_out(database_url)
    gates = [Gate(), Gate()]

    async with (
        start_worker(gates[0], lend_above=WIDE // 2, lend_patience_s=60.0) as one,
        start_worker(gates[1], lend_above=WIDE // 2, lend_patience_s=60.0) as other,
    ):
        await both_live(reader, one, other)
        one.intake.offer([ExecutionRef("default", execution_id)])
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(gate.until_called(WIDE // 2) for gate in gates))
        for gate in gates:
            gate.opened.set()
        await reader.until_status([execution_id], "completed")

    calls = [call.step_path for gate in gates for call in gate.calls]
    assert sorted(calls) == sorted(f"b{n}" for n in range(WIDE))
    assert await reader.connection.fetchval("select count(*) from lent_attempts") == 0


async def test_what_must_not_be_made_twice_is_not_lent(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    execution_id = await fan_out(database_url, delivery="at_most_once", onInDoubt="fail")
    gates = [Gate(), Gate()]

    async with start_worker(gates[0], lend_above=OWN) as one, start_worker(gates[1], lend_above=OWN) as other:
        await both_live(reader, one, other)
        one.intake.offer([ExecutionRef("default", execution_id)])
        await gates[0].until_called(WIDE)
        assert one.lender.out == other.borrower.out == 0
        gates[0].opened.set()
        await reader.until_status([execution_id], "completed")

    assert gates[1].calls == []


async def test_a_lent_attempt_whose_borrower_ends_is_made_again_under_the_same_key(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    execution_id = await fan_out(database_url)
    mine, theirs = Gate(), Gate()

    async with start_worker(mine, lend_above=OWN, lend_patience_s=60.0) as holder:
        async with start_worker(theirs, lend_above=WIDE, drain_s=0.0) as borrower:
            await both_live(reader, holder, borrower)
            holder.intake.offer([ExecutionRef("default", execution_id)])
            await theirs.until_called(WIDE - OWN)
        mine.opened.set()
        await reader.until_status([execution_id], "completed")

    assert theirs.stopped == WIDE - OWN
    made_again = {call.idempotency_key for call in theirs.calls}
    made = [call.idempotency_key for call in mine.calls]
    assert len(made) == len(set(made)) == WIDE
    assert made_again < set(made)


async def test_a_cancellation_reaches_what_was_lent(
    database_url: str, database: Database, start_worker: StartWorker, reader: Reader
) -> None:
    execution_id = await fan_out(database_url)
    gates = [Gate(), Gate()]

    async with (
        start_worker(gates[0], lend_above=WIDE // 2, lend_patience_s=60.0) as one,
        start_worker(gates[1], lend_above=WIDE // 2, lend_patience_s=60.0) as other,
    ):
        await both_live(reader, one, other)
        one.intake.offer([ExecutionRef("default", execution_id)])
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(gate.until_called(WIDE // 2) for gate in gates))
        async with database.transaction("default") as connection:
            await post(connection, [Posting("default", execution_id, new_id(), CancelAsked("somebody"))])
        await one.bell.ring("default", [execution_id])
        await reader.until_status([execution_id], "cancelled")
        async with asyncio.timeout(PATIENCE_S):
            while one.runner.attempts_out or other.runner.attempts_out:  # noqa: ASYNC110 - counters tell nobody
                await asyncio.sleep(0.01)

    assert [gate.stopped for gate in gates] == [WIDE // 2, WIDE // 2]


async def test_what_was_taken_and_whose_answer_was_lost_is_offered_again(
    database_url: str, loop_connection: HotConnection, reader: Reader
) -> None:
    offer = await offered(database_url, loop_connection, reader)
    known, unknown = await lent.take(loop_connection, offer.borrower, [offer.ref], ["gate"], 10)

    given_back = await lent.give_back(loop_connection, offer.borrower, [known.id])
    again = await lent.take(loop_connection, offer.borrower, [offer.ref], ["gate"], 10)

    assert (given_back, again) == (1, (unknown,))


async def test_an_outcome_under_an_epoch_that_has_passed_changes_nothing(
    database_url: str, loop_connection: HotConnection, reader: Reader
) -> None:
    offer = await offered(database_url, loop_connection, reader)
    first, second = await lent.take(loop_connection, offer.borrower, [offer.ref], ["gate"], 10)

    told = await lent.settle(loop_connection, offer.borrower, [_settlement(first)])
    again = await lent.settle(loop_connection, offer.borrower, [_settlement(first)])
    await reader.connection.execute("update executions set lease_epoch = 2 where id = $1", offer.ref.id)
    late = await lent.settle(loop_connection, offer.borrower, [_settlement(second)])
    forgotten = await lent.forget(loop_connection)

    assert told == (lent.Creditor(offer.ref, offer.lender),)
    assert (again, late, forgotten) == ((), (), 1)
    assert await reader.mail(offer.ref.id) == ["ActionSucceeded"]
    assert sorted((first.run, second.run), key=lambda run: run.key) == offer.runs


def _run(execution_id: UUID, name: str) -> RunAction:
    key = f"{execution_id}:{name}:-:1"
    return RunAction(StepKey(name), 1, 1, "gate", {"a": 1}, {"b": None}, key, Delivery.EFFECTIVELY_ONCE, 500)


def _settlement(found: lent.Borrowed) -> Settlement:
    return Settlement(found.id, new_id(), ActionSucceeded(found.run.key, 1, 1, {}))
