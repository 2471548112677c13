"""Bringing a database to this program's version."""

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from engine.errors import ConfigurationError
from engine.store.addresses import Address
from engine.store.errors import DriverError, translate
from engine.store.schema_version import MIGRATIONS, refuse_newer

_LOCK = text("select pg_advisory_xact_lock(hashtext('maestro_migrations'))")
OLDEST_SERVER = 150_000
"""PostgreSQL 15, as `server_version_num` says it."""


async def migrate(url: str, *, application_login: str | None = None) -> None:
    """Bring the database to the newest version; one of several at once does the work, the others wait and find it done.

    Args:
        url: of the owner of the tables.
        application_login: the login that the processes use, where it is another one: it may then take the two roles.

    Raises:
        ConfigurationError: the database is of a newer version than this program, or the server is too old.
        Unavailable: the database does not answer.
    """
    engine = _engine(url)
    try:
        async with engine.begin() as connection:
            await _refuse_old_server(connection)
            await connection.execute(_LOCK)
            await connection.run_sync(_upgrade)
            if application_login is not None:
                login = engine.dialect.identifier_preparer.quote(application_login)
                await connection.execute(text(f"grant maestro_app, maestro_loop to {login}"))
    except DriverError as error:
        raise translate(error) or error from error
    finally:
        await engine.dispose()


def _engine(url: str) -> AsyncEngine:
    address = Address.parse(url)
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(**address.arguments(), timeout=10),
        pool_size=1,
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> None:
    refuse_newer(_current(connection))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.execute(text("grant select on alembic_version to public"))


async def _refuse_old_server(connection: AsyncConnection) -> None:
    number = (await connection.execute(text("select current_setting('server_version_num')::int"))).scalar_one()
    if number < OLDEST_SERVER:
        raise ConfigurationError("PostgreSQL 15 is the oldest supported; this server is older.")
