from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from engine.errors import Unavailable
from engine.queue.dispatch import MAX_DELIVERIES
from engine.store.hot import HotConnection
from engine.store.outbox import Parcel
from tests.workers.conftest import Reader
from tests.workers.seeding import new_id
from workers.relay import Relay


@dataclass(slots=True)
class Recipient:
    topic: str
    refused: set[UUID] = field(default_factory=set)
    poison: set[UUID] = field(default_factory=set)
    is_down: bool = False
    got: list[Parcel] = field(default_factory=list)

    async def publish(self, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        if self.is_down:
            raise Unavailable("recipient", "It does not answer.")
        if any(parcel.id in self.poison for parcel in parcels):
            raise LookupError("what nobody foresaw")
        self.got += [parcel for parcel in parcels if parcel.id not in self.refused]
        return [parcel for parcel in parcels if parcel.id in self.refused]


@pytest.fixture
async def connection(loop_connection: HotConnection, reader: Reader) -> HotConnection:
    await reader.connection.execute("delete from outbox")
    return loop_connection


async def put(reader: Reader, topic: str, count: int) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    await reader.connection.execute(
        "insert into outbox (tenant_id, id, topic, subject_id, payload) select 'acme', i, $1, 'x', '{\"n\": 1}'"
        " from unnest($2::uuid[]) i", topic, ids,
    )  # fmt: skip
    return ids


async def test_what_arrives_is_removed_and_other_topics_are_left(connection: HotConnection, reader: Reader) -> None:
    recipient = Recipient("mine")
    ids = await put(reader, "mine", 3)
    others = await put(reader, "other", 2)

    assert await Relay(connection, [recipient], new_id).run_once(["mine"]) == 3

    assert [parcel.id for parcel in recipient.got] == sorted(ids)
    assert {parcel.tenant for parcel in recipient.got} == {"acme"}
    assert {row["id"] for row in await reader.connection.fetch("select id from outbox")} == set(others)


async def test_what_is_refused_comes_again_later(connection: HotConnection, reader: Reader) -> None:
    ids = await put(reader, "mine", 2)
    await reader.connection.execute("update outbox set attempts = 6")  # a minute is longer than this test may take
    recipient = Recipient("mine", refused={ids[0]})
    relay = Relay(connection, [recipient], new_id)

    assert await relay.run_once(["mine"]) == 1
    assert await relay.run_once(["mine"]) == 0

    [left] = await reader.connection.fetch("select id, attempts, available_at > now() as later from outbox")
    assert (left["id"], left["attempts"], left["later"]) == (ids[0], 7, True)


async def test_while_the_recipient_is_down_nothing_is_lost(connection: HotConnection, reader: Reader) -> None:
    ids = await put(reader, "mine", 2)
    recipient = Recipient("mine", is_down=True)
    relay = Relay(connection, [recipient], new_id)

    assert await relay.run_once(["mine"]) == 0
    recipient.is_down = False
    await reader.connection.execute("update outbox set available_at = now()")
    assert await relay.run_once(["mine"]) == 2

    assert {parcel.id for parcel in recipient.got} == set(ids)
    assert {parcel.attempts for parcel in recipient.got} == {1}


async def test_a_poisoned_parcel_ends_no_worker_and_is_buried_after_five_attempts(
    connection: HotConnection, reader: Reader
) -> None:
    await reader.connection.execute("delete from dead_letters")
    counted = buried()
    ids = await put(reader, "mine", 3)
    recipient = Recipient("mine", poison={ids[1]})
    relay = Relay(connection, [recipient], new_id)

    assert await relay.run_once(["mine"]) == 2
    assert {parcel.id for parcel in recipient.got} == {ids[0], ids[2]}
    for attempts in range(1, MAX_DELIVERIES):
        [left] = await reader.connection.fetch("select id, attempts, available_at > created_at as later from outbox")
        assert (left["id"], left["attempts"], left["later"]) == (ids[1], attempts, True)
        await reader.connection.execute("update outbox set available_at = now()")
        assert await relay.run_once(["mine"]) == 0

    assert await reader.connection.fetch("select id from outbox") == []
    [letter] = await reader.connection.fetch("select kind, subject_id, cause_code, deliveries from dead_letters")
    assert tuple(letter) == ("outbox", "mine:x", "outbox.poisoned", MAX_DELIVERIES)
    assert buried() == counted + 1


def buried() -> float:
    return REGISTRY.get_sample_value("maestro_dead_letters_total", {"kind": "outbox"}) or 0.0
