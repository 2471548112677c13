"""`database` on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import asyncpg
import pytest

from engine.actions.connections.values import ConnectionKind
from engine.actions.database import Database, first_word
from engine.actions.interface import Failed, Result
from engine.actions.tools import ActionTools
from engine.jsonvalue import Json, JsonObject
from tests.actions.connected import KEY, Connections, context_of, failure, output, tools_allowing

SCHEMA = """
drop table if exists accounts, maestro_effects;
create table accounts (id int primary key, owner text not null, cents bigint not null);
insert into accounts select n, 'owner ' || n, n * 100 from generate_series(1, 50) n;
"""


@dataclass
class Bank:
    """A target database with its action, and a connection of the test's own to look at it."""

    tools: ActionTools
    action: Database
    connections: Connections
    own: asyncpg.Connection
    url: str

    async def run(self, statement: str, *parameters: Json, connection: str = "writer", **config: Json) -> Result:
        members: JsonObject = {
            "connection": connection,
            "statement": statement,
            "parameters": list(parameters),
            **config,
        }
        return await self.action.run(context_of(members))

    async def write(self, statement: str, *parameters: Json, connection: str = "writer") -> Result:
        return await self.run(statement, *parameters, connection=connection, mode="write")


def settings_of(url: str) -> tuple[JsonObject, JsonObject]:
    parts = urlsplit(url)
    settings: JsonObject = {
        "host": parts.hostname,
        "port": parts.port,
        "database": parts.path[1:],
        "username": unquote(parts.username or ""),
        "tls": "disable",
    }
    return settings, {"password": unquote(parts.password)} if parts.password else {}


@pytest.fixture
async def bank(database_url: str) -> AsyncIterator[Bank]:
    own = await asyncpg.connect(database_url)
    await own.execute(SCHEMA)
    settings, secrets = settings_of(database_url)
    connections = Connections()
    connections.add("reader", ConnectionKind.POSTGRESQL, settings, secrets)
    connections.add("writer", ConnectionKind.POSTGRESQL, {**settings, "allowWrites": True}, secrets)
    unrecorded: JsonObject = {**settings, "allowWrites": True, "recordTable": None}
    connections.add("unrecorded", ConnectionKind.POSTGRESQL, unrecorded, secrets)
    tools = tools_allowing(f"{settings['host']}:{settings['port']}", connections=connections)
    action = Database(tools)
    yield Bank(tools, action, connections, own, database_url)
    await tools.close()
    await own.close()


async def test_rows_come_back_as_json(bank: Bank) -> None:
    found = output(await bank.run("select id, owner from accounts where id = $1", 7, connection="reader"))
    assert found == {"rows": [{"id": 7, "owner": "owner 7"}], "rowCount": 1, "truncated": False}


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("timestamptz", "2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05+00:00"),
        ("date", "2026-01-02", "2026-01-02"),
        ("numeric", 1.10, "1.1"),
        ("numeric", "12345678901234567890.5", "12345678901234567890.5"),
        ("uuid", "01890000-0000-7000-8000-000000000001", "01890000-0000-7000-8000-000000000001"),
        ("bytea", "/wA=", "/wA="),
        ("jsonb", {"a": [1, None]}, {"a": [1, None]}),
        ("text[]", ["a", None], ["a", None]),
        ("float8", 0.5, 0.5),
        ("bool", True, True),
        ("int8", 2**53, 2**53),
        ("text", None, None),
    ],
)
async def test_types_pass_through(bank: Bank, kind: str, given: Json, expected: Json) -> None:
    assert output(await bank.run(f"select $1::{kind} as v", given))["rows"] == [{"v": expected}]


@pytest.mark.parametrize(("kind", "given"), [("int4", "x"), ("date", 7), ("uuid", "no"), ("text", 7), ("bytea", "%")])
async def test_parameters_that_do_not_fit_are_refused(bank: Bank, kind: str, given: Json) -> None:
    failed = failure(await bank.run(f"select $1::{kind}", given))
    assert failed.code in {"action.config_invalid", "database.22000"}
    assert not failed.retryable


async def test_the_number_of_parameters_must_fit(bank: Bank) -> None:
    assert failure(await bank.run("select $1::int", 1, 2)).code == "database.parameters"


async def test_parameters_are_never_part_of_the_statement(bank: Bank) -> None:
    found = output(await bank.run("select count(*) as n from accounts where owner = $1", "x' or '1'='1"))
    assert found["rows"] == [{"n": 0}]


async def test_rows_are_capped(bank: Bank) -> None:
    found = output(await bank.run("select id from accounts order by id", maxRows=3))
    assert found == {"rows": [{"id": 1}, {"id": 2}, {"id": 3}], "rowCount": 3, "truncated": True}
    exact = output(await bank.run("select id from accounts order by id", maxRows=50))
    assert (exact["rowCount"], exact["truncated"]) == (50, False)


async def test_endless_and_huge_results_are_stopped(bank: Bank) -> None:
    endless = output(await bank.run(ENDLESS, maxRows=10))
    assert endless["truncated"] is True
    huge = failure(await bank.run("select repeat('x', 1000000) from generate_series(1, 100)"))
    assert (huge.code, huge.retryable) == ("database.too_large", False)


async def test_a_statement_has_a_timeout_of_its_own(bank: Bank) -> None:
    failed = failure(await bank.run("select pg_sleep(30)", timeoutMs=50))
    assert (failed.code, failed.retryable) == ("database.timeout", True)


@pytest.mark.parametrize(
    "statement",
    [
        "update accounts set cents = 0",
        "/* select */ delete from accounts",
        "-- select\ninsert into accounts values (99, 'x', 1)",
        "with gone as (delete from accounts returning id) select * from gone",
        "drop table accounts",
        "set transaction read write",
        "commit",
        "copy accounts to '/tmp/x'",
        "select 1; delete from accounts",
        "do $$ begin delete from accounts; end $$",
        "select set_config('transaction_read_only', 'off', false)",
    ],
)
@pytest.mark.parametrize("connection", ["reader", "writer"])
async def test_reading_steps_change_nothing(bank: Bank, connection: str, statement: str) -> None:
    assert not failure(await bank.run(statement, connection=connection)).retryable
    assert await bank.own.fetchval("select sum(cents) from accounts") == 127_500


@pytest.mark.parametrize("statement", ["drop table accounts", "truncate accounts", "begin", "set role x", "vacuum"])
async def test_writing_steps_run_statements_on_data_only(bank: Bank, statement: str) -> None:
    assert failure(await bank.write(statement)).code == "action.config_invalid"


async def test_a_connection_that_does_not_allow_writes_refuses_them(bank: Bank) -> None:
    failed = failure(await bank.write("delete from accounts", connection="reader"))
    assert (failed.code, failed.retryable) == ("database.read_only", False)
    assert await bank.own.fetchval("select count(*) from accounts") == 50


ENDLESS = "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t"
DEBIT = "update accounts set cents = cents - $1 where id = $2 returning id, cents"


async def test_a_repeated_write_changes_nothing_and_gives_the_first_output(bank: Bank) -> None:
    first = output(await bank.write(DEBIT, 30, 1))
    assert first == {"rows": [{"id": 1, "cents": 70}], "rowCount": 1, "truncated": False}
    assert output(await bank.write(DEBIT, 30, 1)) == first
    assert await bank.own.fetchval("select cents from accounts where id = 1") == 70
    assert await bank.own.fetchval("select key from maestro_effects") == KEY


async def test_racing_attempts_have_one_effect(bank: Bank) -> None:
    results = await asyncio.gather(*(bank.write(DEBIT, 30, 1) for _ in range(8)))
    assert {str(output(result)) for result in results} == {str(output(results[0]))}
    assert await bank.own.fetchval("select cents from accounts where id = 1") == 70


async def test_an_effect_whose_answer_was_lost_is_found_again(bank: Bank) -> None:
    """The commit lands and the connection dies before the answer: the record tells the next attempt."""
    first = asyncio.ensure_future(bank.write(DEBIT, 30, 1))
    await first
    await bank.own.execute("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                           " and datname = current_database()")  # fmt: skip
    result = await bank.write(DEBIT, 30, 1)
    if isinstance(result, Failed):
        assert result.retryable
        result = await bank.write(DEBIT, 30, 1)
    assert output(result)["rows"] == [{"id": 1, "cents": 70}]
    assert await bank.own.fetchval("select cents from accounts where id = 1") == 70


async def test_a_key_stands_for_one_statement(bank: Bank) -> None:
    output(await bank.write(DEBIT, 30, 1))
    assert failure(await bank.write(DEBIT, 31, 1)).code == "database.key_reused"
    assert await bank.own.fetchval("select cents from accounts where id = 1") == 70


async def test_without_a_record_table_each_attempt_counts(bank: Bank) -> None:
    for _ in range(2):
        output(await bank.write(DEBIT, 30, 1, connection="unrecorded"))
    assert await bank.own.fetchval("select cents from accounts where id = 1") == 40


async def test_a_failed_write_leaves_no_record(bank: Bank) -> None:
    failed = failure(await bank.write("insert into accounts values ($1, 'x', 1)", 1))
    assert (failed.code, failed.retryable) == ("database.23505", False)
    assert await bank.own.fetchval("select count(*) from maestro_effects") == 0


async def test_rows_touched_are_counted(bank: Bank) -> None:
    found = output(await bank.write("update accounts set cents = 0 where id <= 10"))
    assert found == {"rows": [], "rowCount": 10, "truncated": False}


async def test_a_cancelled_step_undoes_its_transaction(bank: Bank) -> None:
    task = asyncio.ensure_future(bank.write("update accounts set cents = 0 where pg_sleep(30) is null"))
    while not await bank.own.fetchval("select count(*) from pg_stat_activity where query like 'update accounts%'"):
        pass
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert output(await bank.run("select sum(cents)::int8 as s from accounts"))["rows"] == [{"s": 127_500}]


async def test_a_wrong_password_fails_without_showing_it(bank: Bank) -> None:
    settings, _ = settings_of(bank.url)
    bank.connections.add("wrong", ConnectionKind.POSTGRESQL, settings, {"password": "wrong-123456"})
    failed = failure(await bank.run("select 1", connection="wrong"))
    assert (failed.code, failed.retryable) == ("database.28P01", False)
    assert "123456" not in repr(failed)


async def test_a_server_without_tls_is_refused_where_tls_is_asked_for(bank: Bank) -> None:
    settings, secrets = settings_of(bank.url)
    bank.connections.add("tls", ConnectionKind.POSTGRESQL, {**settings, "tls": "verify"}, secrets)
    assert failure(await bank.run("select 1", connection="tls")).code == "database.network"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("select 1", "select"),
        ("  -- a\n/* b */ (WITH x", "with"),
        ("/* unclosed", ""),
        ("", ""),
        ("((table t", "table"),
    ],
)
def test_the_first_word_is_found_behind_comments(text: str, word: str) -> None:
    assert first_word(text) == word
