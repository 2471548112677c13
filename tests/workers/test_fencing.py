"""What the store refuses to a holder that lost its lease, and what it tells one that lost an answer."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from engine.runtime.states import ExecutionStatus, StepKey, StepStatus
from engine.runtime.transitions import StepTransition
from engine.store import checkpoints, claims, timers, workers
from engine.store.checkpoints import Commit
from engine.store.claims import Claimed, ExecutionRef
from engine.store.database import LOOP_ROLE, Database
from engine.store.hot import HotConnection
from tests.workers.actions import Gate
from tests.workers.conftest import Reader, StartWorker
from tests.workers.seeding import accept, chain, document, new_id, publish, step


async def holder(connection: HotConnection, *, lease_s: float = 60.0) -> UUID:
    worker_id = new_id()
    await workers.register(connection, worker_id, "test", lease_s)
    return worker_id


async def claimed(connection: HotConnection, worker_id: UUID, ids: list[UUID]) -> dict[UUID, Claimed]:
    report = await claims.claim(connection, worker_id, [ExecutionRef("default", found) for found in ids])
    return {found.id: found for found in report.claimed}


def commit_of(found: Claimed, *, base_seq: int = 0, count: int = 1, release: bool = False) -> Commit:
    rows = [
        StepTransition(base_seq + n, StepKey("s0"), StepStatus.RUNNING, datetime.now(UTC), attempt=1)
        for n in range(1, count + 1)
    ]
    return Commit(found.tenant, found.id, found.epoch, base_seq, list(rows), ExecutionStatus.RUNNING, release=release)


async def test_one_stale_lease_in_a_batch_costs_the_others_nothing(
    database_url: str, loop_connection: HotConnection, app_connection: HotConnection, reader: Reader
) -> None:
    ids = await accept(database_url, await publish(database_url, document(chain(2))), 3)
    slow = await holder(loop_connection, lease_s=-1)
    await reader.connection.execute("update workers set lease_until = now() + interval '1 h' where id = $1", slow)
    held = await claimed(loop_connection, slow, ids)
    await reader.connection.execute("update workers set lease_until = now() where id = $1", slow)
    other = await holder(loop_connection)
    assert (await claimed(loop_connection, other, ids[:1])).keys() == {ids[0]}

    written = await checkpoints.write(app_connection, slow, [commit_of(held[found]) for found in ids])

    assert written.held == {ids[1], ids[2]}
    assert await reader.checkpoints(ids[0]) == []
    assert [row["lease_epoch"] for row in await reader.checkpoints(ids[1])] == [1]


async def test_the_same_commit_twice_is_written_once(
    database_url: str, loop_connection: HotConnection, app_connection: HotConnection, reader: Reader
) -> None:
    [execution_id] = await accept(database_url, await publish(database_url, document(chain(2))))
    owner = await holder(loop_connection)
    found = (await claimed(loop_connection, owner, [execution_id]))[execution_id]
    commit = commit_of(found, count=2)

    assert (await checkpoints.write(app_connection, owner, [commit])).held == {execution_id}
    assert (await checkpoints.write(app_connection, owner, [commit])).held == set()

    assert len(await reader.checkpoints(execution_id)) == 2


async def test_a_lost_answer_is_resolved_by_reading(
    database_url: str, loop_connection: HotConnection, app_connection: HotConnection, reader: Reader
) -> None:
    ids = await accept(database_url, await publish(database_url, document(chain(2))), 4)
    owner, other = await holder(loop_connection), await holder(loop_connection)
    held = await claimed(loop_connection, owner, ids)
    commits = [commit_of(held[ids[0]]), commit_of(held[ids[1]], release=True), commit_of(held[ids[2]])]
    await checkpoints.write(app_connection, owner, commits[:2])
    taken = commit_of(held[ids[3]])
    await reader.connection.execute("update executions set lease_owner = null where id = $1", ids[3])
    assert (await claimed(loop_connection, other, [ids[3]])) == {}  # nothing is left to do for it but by mail

    landed = await checkpoints.landed(app_connection, owner, [*commits, taken])

    assert landed.written == {ids[0], ids[1]}
    assert landed.repeatable == {ids[2]}


async def test_a_worker_whose_own_lease_ran_out_claims_nothing(
    database_url: str, loop_connection: HotConnection
) -> None:
    ids = await accept(database_url, await publish(database_url, document(chain(2))), 2)
    expired = await holder(loop_connection, lease_s=-1)

    assert await claimed(loop_connection, expired, ids) == {}


async def test_what_a_living_worker_holds_is_refused_and_its_owner_named(
    database_url: str, loop_connection: HotConnection
) -> None:
    ids = await accept(database_url, await publish(database_url, document(chain(2))), 2)
    owner, other = await holder(loop_connection), await holder(loop_connection)
    await claimed(loop_connection, owner, ids)

    report = await claims.claim(loop_connection, other, [ExecutionRef("default", found) for found in ids])

    assert report.claimed == ()
    assert {(found.ref.id, found.owner) for found in report.elsewhere} == {(found, owner) for found in ids}


async def test_a_claim_whose_answer_was_lost_is_claimed_anew(database_url: str, loop_connection: HotConnection) -> None:
    [execution_id] = await accept(database_url, await publish(database_url, document(chain(2))))
    owner = await holder(loop_connection)
    await claimed(loop_connection, owner, [execution_id])

    report = await claims.claim(loop_connection, owner, [ExecutionRef("default", execution_id)])

    assert [(found.id, found.epoch) for found in report.claimed] == [(execution_id, 2)]
    assert report.elsewhere == ()


async def test_each_claim_has_a_new_epoch(database_url: str, loop_connection: HotConnection, reader: Reader) -> None:
    [execution_id] = await accept(database_url, await publish(database_url, document(chain(2))))
    epochs = []
    for _ in range(3):
        owner = await holder(loop_connection)
        found = await claimed(loop_connection, owner, [execution_id])
        epochs.append(found[execution_id].epoch)
        await reader.connection.execute("update workers set lease_until = now() - interval '1 s' where id = $1", owner)

    assert epochs == [1, 2, 3]
    assert await reader.connection.fetchval("select deliveries from executions where id = $1", execution_id) == 3


async def test_a_tenant_name_that_is_no_identifier_is_written_like_any_other(
    database_url: str, loop_connection: HotConnection, app_connection: HotConnection, reader: Reader
) -> None:
    tenant = 'a "quoted", {braced} \\ tenant'
    [execution_id] = await accept(database_url, await publish(database_url, document(chain(2)), tenant=tenant))
    owner = await holder(loop_connection)
    report = await claims.claim(loop_connection, owner, [ExecutionRef(tenant, execution_id)])

    written = await checkpoints.write(app_connection, owner, [commit_of(report.claimed[0])])

    assert written.held == {execution_id}
    assert len(await reader.checkpoints(execution_id)) == 1


async def test_each_timer_is_fired_by_one_of_many(
    database_url: str, database: Database, loop_connection: HotConnection, reader: Reader
) -> None:
    ids = await accept(database_url, await publish(database_url, document(chain(2))), 40)
    await reader.connection.execute(
        "insert into timers (tenant_id, subject_id, kind, due_at)"
        " select 'default', e, 'delay', now() - interval '1 s' from unnest($1::uuid[]) e", ids,
    )  # fmt: skip
    other = HotConnection(database, LOOP_ROLE)

    fired = await asyncio.gather(*(timers.fire(found, 15) for found in (loop_connection, other) * 2))
    await other.close()

    seen = [ref.id for batch in fired for ref in batch]
    assert sorted(seen) == sorted(ids)
    assert (
        await reader.connection.fetchval("select count(*) from execution_inbox where execution_id = any($1)", ids) == 40
    )


async def test_a_worker_that_lapsed_drops_what_others_took_and_keeps_the_rest(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    gate = Gate()
    version = await publish(database_url, document([step("call", [], config={"actionType": "gate"})]))
    ids = await accept(database_url, version, 2)

    async with start_worker(gate, heartbeat_s=3_600.0, sweep_s=3_600.0) as slow:
        await slow.bell.ring("default", ids)
        await reader.until("select 1 where (select count(*) from executions where lease_owner = $1) = 2", slow.id)
        await gate.until_called(2)
        await reader.connection.execute(
            "update workers set lease_until = now() - interval '1 s' where id = $1", slow.id
        )
        slow.lease.renew(float("-inf"))
        await reader.connection.execute(
            "update executions set lease_epoch = lease_epoch + 1, lease_owner = $2 where id = $1", ids[0], new_id()
        )
        assert not slow.lease.is_trusted()

        assert await slow.heartbeat.run_once() == 1

        assert slow.lease.is_trusted()
        assert slow.runner.get(ids[0]) is None
        gate.opened.set()
        await reader.until_status([ids[1]], "completed")
    assert gate.stopped == 1
    assert [row["status"] for row in await reader.checkpoints(ids[0]) if row["step_path"]] == ["running"]
