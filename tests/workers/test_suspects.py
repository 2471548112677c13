"""Executions that may be what kills workers: when a claim counts against them, and how many are taken at a time."""

from collections.abc import Iterable
from uuid import UUID

import pytest

from engine.runtime.states import ExecutionStatus, StepKey, StepStatus
from engine.runtime.transitions import ExecutionTransition, StepTransition, Transition
from engine.store import checkpoints, claims, workers
from engine.store.checkpoints import Commit
from engine.store.claims import Claimed, ExecutionRef
from engine.store.hot import HotConnection
from tests.workers.conftest import Reader
from tests.workers.seeding import accept, chain, document, new_id, publish
from workers.suspects import Suspects

NOW = "select now()"


class Desk:
    """One worker's rows, without the worker."""

    def __init__(self, loop: HotConnection, app: HotConnection, reader: Reader) -> None:
        self.loop = loop
        self.app = app
        self.reader = reader
        self.worker = new_id()

    async def claimed(self, execution_id: UUID) -> Claimed:
        """A claim after the last holder has died."""
        await self.reader.connection.execute("update workers set lease_until = now() - interval '1 s'")
        self.worker = new_id()
        await workers.register(self.loop, self.worker, "desk", 60)
        report = await claims.claim(self.loop, self.worker, [ExecutionRef("default", execution_id)])
        [found] = report.claimed
        return found

    async def write(self, found: Claimed, *transitions: Transition, release: bool = False) -> None:
        commit = Commit(
            "default", found.id, found.epoch, found.last_seq, list(transitions), ExecutionStatus.RUNNING,
            release=release,
        )  # fmt: skip
        written = await checkpoints.write(self.app, self.worker, [commit])
        assert written.held == {found.id}

    async def step(self, seq: int, status: StepStatus, attempt: int = 1) -> StepTransition:
        at = await self.reader.connection.fetchval(NOW)
        return StepTransition(seq, StepKey("s0"), status, at, attempt=attempt)


@pytest.fixture
def desk(loop_connection: HotConnection, app_connection: HotConnection, reader: Reader) -> Desk:
    return Desk(loop_connection, app_connection, reader)


async def test_an_attempt_that_was_begun_is_no_progress_and_its_outcome_is(desk: Desk, database_url: str) -> None:
    [execution_id] = await accept(database_url, await publish(database_url, document(chain(2))))
    first = await desk.claimed(execution_id)
    begun = ExecutionTransition(1, ExecutionStatus.RUNNING, await desk.reader.connection.fetchval(NOW))
    await desk.write(first, begun, await desk.step(2, StepStatus.RUNNING))

    seen = []
    for attempt in (2, 3, 4):
        again = await desk.claimed(execution_id)
        seen.append(again.deliveries)
        await desk.write(again, await desk.step(attempt + 1, StepStatus.RUNNING, attempt))
    assert seen == [1, 2, 3]

    last = await desk.claimed(execution_id)
    await desk.write(last, await desk.step(6, StepStatus.COMPLETED, 4))
    assert (last.deliveries, (await desk.claimed(execution_id)).deliveries) == (4, 1)


async def test_a_worker_that_lived_to_give_back_what_it_held_is_no_sign_against_it(
    desk: Desk, database_url: str
) -> None:
    [execution_id] = await accept(database_url, await publish(database_url, document(chain(2))))
    await desk.claimed(execution_id)
    await workers.stop(desk.loop, desk.worker)

    assert (await desk.claimed(execution_id)).deliveries == 1


@pytest.mark.parametrize(
    ("deliveries", "at_most", "taken"),
    [([0, 0, 0], 0, 3), ([2, 2, 2], 0, 0), ([2, 2, 2], 2, 2), ([2, 2, 4], 2, 1), ([4, 4, 0], 2, 2)],
    ids=["no suspects", "none may", "two may", "the worst alone", "and others beside it"],
)
async def test_suspects_are_taken_a_few_at_a_time_and_the_worst_alone(
    desk: Desk, database_url: str, deliveries: list[int], at_most: int, taken: int
) -> None:
    ids = await accept(database_url, await publish(database_url, document(chain(2))), len(deliveries))
    for execution_id, count in zip(ids, deliveries, strict=True):
        await desk.reader.connection.execute("update executions set deliveries = $2 where id = $1", execution_id, count)
    await workers.register(desk.loop, desk.worker, "desk", 60)
    refs = [ExecutionRef("default", execution_id) for execution_id in ids]

    report = await claims.claim(desk.loop, desk.worker, refs, suspects_at_most=at_most)

    assert len(report.claimed) == taken
    assert len(report.suspects) == len(ids) - taken
    if taken == 1:
        assert report.claimed[0].deliveries == max(deliveries) + 1


async def test_each_time_nobody_dies_of_them_twice_as_many_are_taken() -> None:
    offered: list[ExecutionRef] = []

    def offer(refs: Iterable[ExecutionRef]) -> None:
        offered.extend(refs)

    suspects = Suspects(offer)
    waiting = ExecutionRef("default", new_id())
    rooms = []
    for _ in range(3):
        rooms.append(suspects.room)
        ids = [new_id() for _ in range(suspects.room)]
        for execution_id in ids:
            suspects.took(execution_id)
        assert suspects.room == 0
        suspects.wait([waiting])
        for execution_id in ids[1:]:
            suspects.cleared(execution_id)
        assert not offered
        suspects.cleared(ids[0])
        assert offered == [waiting]
        offered.clear()

    assert rooms == [1, 2, 4]
