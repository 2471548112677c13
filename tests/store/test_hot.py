"""Hot connections: plans follow the size of their tables, and a connection that broke is not used again."""

import contextlib

import asyncpg
import pytest

from engine.errors import Unavailable
from engine.store.database import APP_ROLE, Database
from engine.store.errors import translate
from engine.store.hot import IDLE_IN_TRANSACTION_S, HotConnection
from tests.crash.links import State, Wire, address_of
from workers.config import WorkerConfig

NEVER_S = 3_600.0
_MAKE = "create temp table probe (id int primary key, body text)"
_FILL = "insert into probe select n, repeat('x', 100) from generate_series(1, 50000) as n"
_ASK = "select count(*) from probe where id > $1"


async def _plan_after_growth(database_url: str, replan_s: float) -> tuple[str, str]:
    """The plan of a statement made for an empty table, and the one that runs once the table has grown."""
    database = Database.connect(database_url, application_name="test")
    connection = HotConnection(database, APP_ROLE, replan_s=replan_s)
    try:
        await connection.fetch(_MAKE)
        await connection.fetch(f"prepare counting(int) as {_ASK}")
        before = [row[0] for row in await connection.fetch("explain execute counting(1)")]
        await connection.fetch(_FILL)
        after = [row[0] for row in await connection.fetch("explain execute counting(1)")]
    finally:
        await connection.close()
        await database.close()
    return "\n".join(before), "\n".join(after)


async def test_a_plan_is_made_anew_when_it_is_time(database_url: str) -> None:
    before, after = await _plan_after_growth(database_url, 0.0)
    assert before != after


async def test_until_then_a_plan_is_kept(database_url: str) -> None:
    before, after = await _plan_after_growth(database_url, NEVER_S)
    assert before == after


async def test_a_link_that_falls_silent_is_given_up_and_opened_anew(database_url: str) -> None:
    wire = Wire(lambda: address_of(database_url))
    await wire.start()
    database = Database.connect(wire.front_of(database_url), application_name="test")
    connection = HotConnection(database, APP_ROLE)
    await connection.fetch("select 1")

    wire.become(State.SILENT)
    for _ in range(2):  # the one that stood, and the one that could not be opened
        with pytest.raises(Unavailable):
            await connection.fetch("select 2", timeout_s=0.2)
    wire.become(State.OPEN)
    rows = await connection.fetch("select 3 as found", timeout_s=60.0)

    assert rows[0]["found"] == 3
    await connection.close()
    await database.close()
    await wire.stop()


async def test_a_connection_that_the_server_ended_is_opened_anew(database_url: str, postgres_url: str) -> None:
    database = Database.connect(database_url, application_name="test")
    connection = HotConnection(database, APP_ROLE)
    [first] = await connection.fetch("select pg_backend_pid() as pid")
    administrator = await asyncpg.connect(postgres_url)
    await administrator.fetchval("select pg_terminate_backend($1, 5000)", first["pid"])
    await administrator.close()

    with contextlib.suppress(Unavailable):  # whether the end has been heard of before the next statement is chance
        await connection.fetch("select 1")
    [again] = await connection.fetch("select pg_backend_pid() as pid")

    assert again["pid"] != first["pid"]
    await connection.close()
    await database.close()


async def test_whoever_falls_silent_amid_a_transaction_keeps_no_row_locked(database_url: str) -> None:
    lock = "select pg_advisory_xact_lock(20260101)"
    database = Database.connect(database_url, application_name="test")
    silent, waiting = HotConnection(database, APP_ROLE), HotConnection(database, APP_ROLE)

    taken: list[object] = []

    async def fall_silent() -> None:
        async with silent.transaction(frozenset()) as transaction:
            await transaction.execute(lock)
            taken.extend(await waiting.fetch(lock, timeout_s=60.0))
            await transaction.execute("select 1")

    with pytest.raises(Unavailable):
        await fall_silent()
    [again] = await silent.fetch("select 1 as found")

    assert taken
    assert again["found"] == 1
    assert WorkerConfig().lease_s > IDLE_IN_TRANSACTION_S
    await silent.close()
    await waiting.close()
    await database.close()


def test_what_a_dying_server_left_in_mid_statement_is_trouble_of_the_connection_and_no_refusal() -> None:
    error = asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")
    assert isinstance(translate(error), Unavailable)
