"""Brings the ledger's own schema to this program's version: numbered files of SQL, each applied once."""

from pathlib import Path

import asyncpg

from ledger.errors import ConfigurationError
from ledger.store.database import DRIVER_ERRORS, translated
from ledger.store.locks import MIGRATIONS

_FOLDER = Path(__file__).parent / "migrations"
_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'maestro_ledger') THEN
        CREATE ROLE maestro_ledger NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the cluster made it just now
END $$
"""
_MEMBERSHIP = """
DO $$ BEGIN
    EXECUTE format('GRANT maestro_ledger TO %I', current_user);
EXCEPTION WHEN insufficient_privilege THEN NULL;  -- whoever made the role has to grant it
END $$
"""
_VERSIONS = """
CREATE TABLE ledger.schema_versions (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())
"""


async def migrate(url: str, *, application_login: str | None = None) -> int:
    """Apply what is missing and return the version; one process does it, others wait and find it done.

    Args:
        url: of the owner of the tables.
        application_login: the login that the ledger works with, where it is another one: it may then take the role.

    Raises:
        ConfigurationError: the database is of a newer version than this program.
        Unavailable: the database does not answer.
    """
    files = {int(path.name.split("_")[0]): path for path in _FOLDER.glob("*.sql")}
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except DRIVER_ERRORS as exc:
        raise translated(exc) from exc
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATIONS)
            current = await _current(connection)
            if current > max(files):
                raise ConfigurationError(
                    f"The ledger's tables are of version {current}, newer than this program ({max(files)})."
                )
            for version in sorted(set(files) - set(range(current + 1))):
                await connection.execute(files[version].read_text())
                await connection.execute("INSERT INTO ledger.schema_versions (version) VALUES ($1)", version)
            if application_login is not None:
                login = await connection.fetchval("SELECT quote_ident($1)", application_login)
                await connection.execute(f"GRANT maestro_ledger TO {login}")
    finally:
        await connection.close()
    return max(files)


async def _current(connection: asyncpg.Connection) -> int:
    if await connection.fetchval("SELECT to_regclass('ledger.schema_versions')") is None:
        await connection.execute(_ROLE)
        await connection.execute(_MEMBERSHIP)
        await connection.execute("CREATE SCHEMA IF NOT EXISTS ledger")
        await connection.execute(_VERSIONS)
        await connection.execute("GRANT SELECT ON ledger.schema_versions TO PUBLIC")
    version: int = await connection.fetchval("SELECT coalesce(max(version), 0) FROM ledger.schema_versions")
    return version
