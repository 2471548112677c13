"""The migrated database is the declared one, and it is locked as designed."""

from collections.abc import AsyncIterator, Iterable

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, Table, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from engine.errors import ConfigurationError, Unavailable
from engine.store.migrate import migrate
from engine.store.schema_version import MIGRATIONS, check_version, known_versions
from engine.store.tables import metadata

HISTORY = ("workflow_versions", "audit_entries", "audit_chain", "human_task_audit")


@pytest_asyncio.fixture
async def owner(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://"))
    yield engine
    await engine.dispose()


async def test_migrated_database_equals_declared_one(owner: AsyncEngine) -> None:
    def declared(_object: object, name: str | None, kind: str, *_: object) -> bool:
        return not (kind == "table" and name is not None and ("_p20" in name or name.endswith("_default")))

    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True, "include_object": declared}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async with owner.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_check_constraints_are_the_declared_ones(owner: AsyncEngine) -> None:
    declared = {str(constraint.name) for table in metadata.tables.values() for constraint in _checks(table)}
    async with owner.connect() as connection:
        found = await connection.execute(
            text(
                "select conname from pg_constraint join pg_class c on c.oid = conrelid"
                " where contype = 'c' and not c.relispartition"
            )
        )
        assert {row[0] for row in found} == declared


def _checks(table: Table) -> Iterable[CheckConstraint]:
    return [one for one in table.constraints if isinstance(one, CheckConstraint)]


async def test_every_table_has_forced_row_security_and_a_tenant(owner: AsyncEngine) -> None:
    async with owner.connect() as connection:
        unlocked = await connection.execute(
            text(
                "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
                " and relname <> 'alembic_version' and not (relrowsecurity and relforcerowsecurity)"
            )
        )
        assert unlocked.all() == []
    assert [name for name, table in metadata.tables.items() if "tenant_id" not in table.primary_key.columns] == []


async def test_every_table_has_the_tenant_policy(owner: AsyncEngine) -> None:
    async with owner.connect() as connection:
        found = await connection.execute(
            text("select tablename from pg_policies where policyname = 'tenant_rows' and roles = '{maestro_app}'")
        )
        assert {row[0] for row in found} == set(metadata.tables)


async def test_loop_role_reaches_only_tables_with_its_policy(owner: AsyncEngine) -> None:
    async with owner.connect() as connection:
        granted = await connection.execute(
            text(
                "select distinct table_name from information_schema.role_table_grants where grantee = 'maestro_loop'"
                " except select tablename from pg_policies where policyname = 'loop_rows'"
            )
        )
        assert granted.all() == []


@pytest.mark.parametrize("role", ["maestro_app", "maestro_loop"])
async def test_history_may_not_be_changed_by_any_grant(owner: AsyncEngine, role: str) -> None:
    async with owner.connect() as connection:
        granted = await connection.execute(
            text(
                "select table_name, privilege_type from information_schema.role_table_grants where grantee = :role"
                " and privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE') and table_name = any (:tables)"
            ),
            {"role": role, "tables": list(HISTORY)},
        )
        assert granted.all() == []


async def test_roles_are_neither_superusers_nor_exempt(owner: AsyncEngine) -> None:
    async with owner.connect() as connection:
        found = await connection.execute(
            text(
                "select rolname, rolsuper, rolbypassrls, rolcanlogin from pg_roles"
                " where rolname in ('maestro_app', 'maestro_loop') order by 1"
            )
        )
        assert [tuple(row) for row in found] == [
            ("maestro_app", False, False, False),
            ("maestro_loop", False, False, False),
        ]


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    await migrate(database_url)

    await check_version(database_url)


def test_names_of_migrations_say_their_versions_in_order() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))

    assert [script.revision for script in scripts.walk_revisions()] == list(reversed(known_versions()))


async def test_database_without_tables_is_named(empty_database_url: str) -> None:
    with pytest.raises(ConfigurationError, match="maestro migrate"):
        await check_version(empty_database_url)


async def test_newer_database_is_refused_and_left_alone(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    engine = create_async_engine(empty_database_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.execute(text("update alembic_version set version_num = '9999'"))
    await engine.dispose()

    with pytest.raises(ConfigurationError, match="newer version"):
        await check_version(empty_database_url)
    with pytest.raises(ConfigurationError, match="newer version"):
        await migrate(empty_database_url)


async def test_unreachable_database_is_named() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await check_version("postgresql://nobody@127.0.0.1:1/nothing")


async def test_partitions_are_made_ahead_once(owner: AsyncEngine) -> None:
    async with owner.begin() as connection:
        await connection.execute(text("set local role maestro_loop"))
        made = await connection.execute(text("select maestro_make_partitions(1, '2031-12-15Z')"))
        again = await connection.execute(text("select maestro_make_partitions(1, '2031-12-15Z')"))
        assert [row[0] for row in made] == [
            "executions_p203112",
            "executions_p203201",
            "step_checkpoints_p203112",
            "step_checkpoints_p203201",
        ]
        assert again.all() == []


async def test_rows_go_to_the_partition_of_their_month(owner: AsyncEngine) -> None:
    async with owner.begin() as connection:
        await connection.execute(text("select maestro_make_partitions(0, '2033-03-01Z')"))
        bounds = await connection.execute(
            text("select pg_get_expr(relpartbound, oid) from pg_class where relname = 'executions_p203303'")
        )
        assert bounds.scalar_one() == (
            "FOR VALUES FROM ('01d016d6-c800-0000-0000-000000000000') TO ('01d0b67b-ec00-0000-0000-000000000000')"
        )
