"""Dead letters from the worker's burial to the operator's redrive."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from engine.definitions.catalogue import ActionCatalogue
from engine.errors import Conflict, Denied, NotFound
from engine.identity.actor import Actor
from engine.queue.bell import StreamBell
from engine.queue.link import Link
from engine.queue.streams import Streams
from engine.services.assembly import Parts, assemble
from engine.services.dead_letter_values import DeadLetterFilter, DeadLetterKind, DeadLetterStatus
from engine.services.dead_letters import DeadLetters
from engine.services.requests import ControlRequest
from engine.services.values import PageRequest
from engine.store.database import Database
from tests.clock import FakeClock
from tests.policy.role_table import RoleTableGate
from tests.workers.conftest import Reader, StartWorker
from tests.workers.seeding import accept, chain, document, publish

OPERATOR = Actor("default", "olga", frozenset({"operator"}))
STRANGER = Actor("elsewhere", "eve", frozenset({"admin"}))
OPEN = DeadLetterFilter(status=DeadLetterStatus.OPEN)
GIVEN_UP = "update executions set deliveries = 5 where id = any($1)"


@dataclass
class Desk:
    letters: DeadLetters
    url: str
    reader: Reader

    async def given_up(self, start_worker: StartWorker, steps: int = 2) -> UUID:
        """An execution that killed five workers before it did anything."""
        [execution_id] = await accept(self.url, await publish(self.url, document(chain(steps))), trigger_data={"n": 1})
        await self.reader.connection.execute(GIVEN_UP, [execution_id])
        async with start_worker(sweep_age_s=0.0, sweep_s=0.05):
            await self.reader.until_status([execution_id], "failed")
        return execution_id

    async def letter_of(self, execution_id: UUID) -> UUID:
        wanted = DeadLetterFilter(DeadLetterStatus.OPEN, DeadLetterKind.EXECUTION, execution_id)
        [letter] = (await self.letters.list(OPERATOR, wanted, PageRequest())).items
        return letter.id


@pytest.fixture
async def desk(
    database_url: str, database: Database, link: Link, reader: Reader, fake_clock: FakeClock
) -> AsyncIterator[Desk]:
    bell = StreamBell(link, Streams())
    made = assemble(Parts(database, bell, RoleTableGate(uuid4), ActionCatalogue.of, fake_clock))
    yield Desk(made.services.dead_letters, database_url, reader)
    await made.close()
    await bell.close()


async def test_a_redriven_execution_runs_to_its_end(desk: Desk, start_worker: StartWorker, reader: Reader) -> None:
    execution_id = await desk.given_up(start_worker)
    letter_id = await desk.letter_of(execution_id)

    redriven = await desk.letters.redrive(OPERATOR, letter_id, ControlRequest(reason="the bug is mended"))

    assert (redriven.status, redriven.redriven_by) == (DeadLetterStatus.REDRIVEN, "olga")
    async with start_worker():
        await reader.until_status([execution_id], "completed")
    steps = [(row["step_path"], row["status"]) for row in await reader.checkpoints(execution_id) if row["step_path"]]
    assert [step for step in steps if step[1] == "completed"] == [("s0", "completed"), ("s1", "completed")]
    audit = await reader.connection.fetchrow(
        "select actor, action, details::text from audit_entries where resource_id = $1", str(letter_id)
    )
    assert tuple(audit) == ("olga", "dead_letter.redrive", '{"reason":"the bug is mended"}')


async def test_a_letter_tells_what_was_given_up_and_why(desk: Desk, start_worker: StartWorker) -> None:
    execution_id = await desk.given_up(start_worker)

    letter = await desk.letters.get(OPERATOR, await desk.letter_of(execution_id))

    assert (letter.kind, letter.execution_id, letter.code) == (
        DeadLetterKind.EXECUTION,
        execution_id,
        "execution.deliveries_exhausted",
    )
    assert letter.deliveries == 6
    assert letter.content is not None
    assert letter.content.payload == {"n": 1}
    assert isinstance(letter.content.history, list)
    assert [entry["status"] for entry in letter.content.history if isinstance(entry, dict)] == ["failed"]


async def test_a_letter_is_redriven_once(desk: Desk, start_worker: StartWorker) -> None:
    letter_id = await desk.letter_of(await desk.given_up(start_worker))
    await desk.letters.redrive(OPERATOR, letter_id, ControlRequest())

    with pytest.raises(Conflict) as refused:
        await desk.letters.redrive(OPERATOR, letter_id, ControlRequest())

    assert refused.value.code == "dead_letter.redriven"


async def test_what_fails_again_is_buried_again(desk: Desk, start_worker: StartWorker, reader: Reader) -> None:
    execution_id = await desk.given_up(start_worker)
    first = await desk.letter_of(execution_id)
    await desk.letters.redrive(OPERATOR, first, ControlRequest())
    await reader.connection.execute(GIVEN_UP, [execution_id])

    async with start_worker():
        await reader.until("select 1 from dead_letters where execution_id = $1 and status = 'open'", execution_id)

    assert await desk.letter_of(execution_id) != first


async def test_an_execution_that_has_gone_on_since_is_left_alone(
    desk: Desk, start_worker: StartWorker, reader: Reader
) -> None:
    execution_id = await desk.given_up(start_worker)
    letter_id = await desk.letter_of(execution_id)
    await reader.connection.execute("update executions set status = 'cancelled' where id = $1", execution_id)

    with pytest.raises(Conflict) as refused:
        await desk.letters.redrive(OPERATOR, letter_id, ControlRequest())

    assert refused.value.code == "execution.not_retryable"
    assert await desk.letter_of(execution_id) == letter_id
    assert await reader.mail(execution_id) == []


async def test_redriving_a_message_rings_for_its_execution(
    desk: Desk, database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    [execution_id] = await accept(database_url, await publish(database_url, document(chain(1))))
    letter_id = uuid4()
    await reader.connection.execute(
        "insert into dead_letters (tenant_id, id, kind, subject_id, execution_id, cause_code, cause_message, history)"
        " values ('default', $1, 'message', 's/1-0', $2, 'message.deliveries_exhausted', 'No.', '[]')",
        letter_id,
        execution_id,
    )

    async with start_worker(sweep_age_s=600.0):
        await desk.letters.redrive(OPERATOR, letter_id, ControlRequest())
        await reader.until_status([execution_id], "completed")


async def test_redriving_a_parcel_puts_it_back_into_the_outbox(desk: Desk, reader: Reader) -> None:
    letter_id = uuid4()
    await reader.connection.execute(
        "insert into dead_letters (tenant_id, id, kind, subject_id, cause_code, cause_message, payload, history)"
        " values ('default', $1, 'outbox', 'some.topic:abc:1', 'outbox.refused', 'No.', '{\"a\": 1}', '[]')",
        letter_id,
    )

    await desk.letters.redrive(OPERATOR, letter_id, ControlRequest())

    row = await reader.connection.fetchrow("select subject_id, payload::text from outbox where topic = 'some.topic'")
    assert tuple(row) == ("abc:1", '{"a":1}')


async def test_nobody_without_the_right_redrives(desk: Desk, start_worker: StartWorker) -> None:
    letter_id = await desk.letter_of(await desk.given_up(start_worker))

    with pytest.raises(Denied):
        await desk.letters.redrive(Actor("default", "vic", frozenset({"viewer"})), letter_id, ControlRequest())
    with pytest.raises(NotFound):
        await desk.letters.redrive(STRANGER, letter_id, ControlRequest())

    assert letter_id in [letter.id for letter in (await desk.letters.list(OPERATOR, OPEN, PageRequest())).items]
    assert (await desk.letters.list(STRANGER, OPEN, PageRequest())).items == ()
