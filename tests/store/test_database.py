"""Transactions: whose they are, what they may not do, what their errors become."""

import asyncio
import traceback

import pytest
from sqlalchemy import text

from engine.errors import ConfigurationError, Unavailable
from engine.store.addresses import Address
from engine.store.database import APP_ROLE, LOOP_ROLE, Database, tenant_array
from engine.store.errors import ConstraintViolated, TransactionRaced, translate
from tests.store.rows import add_version, add_workflow

GIVEN = "sekrit"


async def test_transaction_has_its_role_tenants_and_limits(database: Database) -> None:
    async with database.transaction("acme", 'we"ird\\one') as connection:
        row = (
            await connection.execute(
                text(
                    "select current_user, current_setting('maestro.tenants')::text[],"
                    " current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')"
                )
            )
        ).one()

    assert tuple(row) == (APP_ROLE, ["acme", 'we"ird\\one'], "15s", "30s")


async def test_nothing_of_a_transaction_stays_in_the_session(database_url: str) -> None:
    single = Database.connect(database_url, application_name="tests", pool_size=1)
    async with single.transaction("acme"):
        pass
    async with single.engine.connect() as connection:
        row = (await connection.execute(text("select current_user, current_setting('maestro.tenants', true)"))).one()
    await single.close()

    assert tuple(row) == ("maestro", "")


async def test_rows_of_other_tenants_are_not_there(database: Database) -> None:
    mine = await add_workflow(database, "acme")

    async with database.transaction("other") as connection:
        seen = await connection.execute(text("select id from workflow_definitions where id = :id"), {"id": mine.id})
        assert seen.all() == []
        changed = await connection.execute(
            text("update workflow_definitions set name = 'stolen' where id = :id returning id"), {"id": mine.id}
        )
        assert changed.all() == []
    async with database.transaction("other", "acme") as connection:
        seen = await connection.execute(text("select name from workflow_definitions where id = :id"), {"id": mine.id})
        assert seen.scalar_one() == "Orders"


async def test_rows_cannot_be_put_into_another_tenant(database: Database) -> None:
    with pytest.raises(Exception, match="row-level security"):
        async with database.transaction("acme") as connection:
            await connection.execute(
                text(
                    "insert into event_waits (tenant_id, execution_id, step_path, event_type, correlation)"
                    " values ('other', gen_random_uuid(), 's', 'e', '{}')"
                )
            )


async def test_without_tenants_nothing_is_there(database: Database) -> None:
    await add_workflow(database, "acme")

    async with database.transaction() as connection:
        assert (await connection.execute(text("select count(*) from workflow_definitions"))).scalar_one() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "update workflow_versions set definition = '{}' where workflow_id = :id",
        "delete from workflow_versions where workflow_id = :id",
        "truncate workflow_versions cascade",
    ],
)
async def test_published_version_cannot_be_changed_by_the_application(database: Database, statement: str) -> None:
    workflow = await add_workflow(database, "acme")
    await add_version(database, "acme", workflow.id)

    with pytest.raises(Exception, match="permission denied for table workflow_versions"):
        async with database.transaction("acme") as connection:
            await connection.execute(text(statement), {"id": workflow.id} if ":id" in statement else {})


@pytest.mark.parametrize(
    "operation", ["update workflow_versions set version = '9.9.9'", "delete from workflow_versions"]
)
async def test_published_version_cannot_be_changed_even_by_a_superuser(
    database: Database, superuser_url: str, operation: str
) -> None:
    workflow = await add_workflow(database, "acme")
    await add_version(database, "acme", workflow.id)
    as_superuser = Database.connect(superuser_url, application_name="tests")

    with pytest.raises(ConstraintViolated):
        await _as_login(as_superuser, operation)
    await as_superuser.close()


async def _as_login(database: Database, statement: str) -> None:
    try:
        async with database.engine.begin() as connection:
            await connection.execute(text("set local role none"))
            await connection.execute(text(statement))
    except Exception as error:
        raise translate(error) or error from error


async def test_loop_role_sees_all_tenants_of_its_tables_and_no_others(database: Database) -> None:
    workflow = await add_workflow(database, "acme")

    async with database.loop_transaction() as connection:
        seen = await connection.execute(
            text("select tenant_id from workflow_definitions where id = :id"), {"id": workflow.id}
        )
        assert seen.scalar_one() == "acme"
    with pytest.raises(Exception, match="permission denied for table connections"):
        async with database.loop_transaction() as connection:
            await connection.execute(text("select * from connections"))


async def test_raw_connection_has_role_and_limits(database: Database) -> None:
    connection = await database.raw(LOOP_ROLE)

    row = await connection.fetchrow("select current_user::text, current_setting('statement_timeout')")
    await connection.close()

    assert tuple(row) == (LOOP_ROLE, "15s")


async def test_error_rolls_everything_back(database: Database) -> None:
    async def write_and_fail() -> None:
        async with database.transaction("rollback") as connection:
            await connection.execute(
                text(
                    "insert into event_waits (tenant_id, execution_id, step_path, event_type, correlation)"
                    " values ('rollback', gen_random_uuid(), 's', 'e', '{}')"
                )
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await write_and_fail()

    async with database.transaction("rollback") as connection:
        assert (await connection.execute(text("select count(*) from event_waits"))).scalar_one() == 0


async def test_refused_row_names_its_constraint(database: Database) -> None:
    with pytest.raises(ConstraintViolated) as raised:
        async with database.transaction("acme") as connection:
            await connection.execute(
                text(
                    "insert into workflow_definitions (tenant_id, id, name, definition, draft_hash, created_by,"
                    " updated_by, status) values ('acme', gen_random_uuid(), 'n', '{}', 'h', 'a', 'a', 'nonsense')"
                )
            )

    assert raised.value.constraint == "ck_workflow_definitions_status_known"
    assert "workflow_definitions" not in raised.value.message


async def test_an_error_that_nobody_foresaw_does_not_tell_what_the_statement_was_given(database: Database) -> None:
    with pytest.raises(Exception, match="invalid byte sequence") as caught:
        async with database.transaction("acme") as connection:
            await connection.execute(text("select cast(:value as text)"), {"value": GIVEN + "\0"})

    assert GIVEN not in "".join(traceback.format_exception(caught.value))


async def test_deadlock_is_repeated_as_a_whole(database: Database) -> None:
    first = await add_workflow(database, "acme")
    second = await add_workflow(database, "acme")
    both_hold_one = asyncio.Barrier(2)
    tries = 0

    async def rename(ids: list[object], wait: bool) -> None:  # noqa: FBT001
        async def work(connection: object) -> None:
            nonlocal tries, wait
            tries += 1
            for position, workflow_id in enumerate(ids):
                await connection.execute(  # type: ignore[attr-defined]
                    text("update workflow_definitions set name = 'x' where tenant_id = 'acme' and id = :id"),
                    {"id": workflow_id},
                )
                if position == 0 and wait:
                    wait = False
                    await both_hold_one.wait()

        await database.run(work, "acme")

    await asyncio.gather(rename([first.id, second.id], wait=True), rename([second.id, first.id], wait=True))

    assert tries == 3


async def test_race_that_never_ends_is_told(database: Database) -> None:
    async def lose(_connection: object) -> None:
        raise TransactionRaced

    with pytest.raises(TransactionRaced):
        await database.run(lose, "acme")


async def test_statement_that_takes_too_long_is_unavailable(database: Database) -> None:
    async def dawdle() -> None:
        async with database.transaction("acme") as connection:
            await connection.execute(text("set local statement_timeout = '20ms'"))
            await connection.execute(text("select pg_sleep(10)"))

    with pytest.raises(Unavailable, match="too long"):
        await dawdle()


async def test_connections_cut_by_the_server_are_replaced(database: Database) -> None:
    async with database.transaction("acme") as connection:
        pid = (await connection.execute(text("select pg_backend_pid()"))).scalar_one()
    killer = await database.raw("maestro")
    await killer.execute("reset role")
    await killer.fetchval("select pg_terminate_backend($1)", pid)
    await killer.close()

    async with database.transaction("acme") as connection:
        assert (await connection.execute(text("select 1"))).scalar_one() == 1


async def test_server_that_could_lose_commits_is_refused(database: Database) -> None:
    with pytest.raises(ConfigurationError, match="fsync=off"):
        await database.check_durability()


async def test_server_that_is_not_there_is_unavailable() -> None:
    nowhere = Database.connect("postgresql://u@127.0.0.1:1/db", application_name="tests")

    with pytest.raises(Unavailable):
        await nowhere.ping()
    with pytest.raises(Unavailable):
        await nowhere.raw(APP_ROLE)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://u@h/db", "postgresql://u@h", "postgresql://h/db?port=x"])
def test_unreadable_urls_are_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Address.parse(url)

    assert url == "" or url not in raised.value.message


def test_unix_socket_urls_are_read() -> None:
    address = Address.parse("postgresql://ann:p%40ss@/shop?host=/run/pg&port=6000&sslmode=disable")

    assert address.arguments() == {
        "host": "/run/pg",
        "port": 6000,
        "user": "ann",
        "password": "p@ss",
        "database": "shop",
        "ssl": "disable",
    }


def test_tenant_array_quotes() -> None:
    assert tenant_array(["a", 'b"c', "d\\e", "f,g", ""]) == '{"a","b\\"c","d\\\\e","f,g",""}'
