"""Whether the database is at this program's version; what every process asks at its start.

It reads the names of the migrations and one row: the tool that runs migrations takes longer to load than all else here.
"""

from functools import cache
from pathlib import Path

import asyncpg

from engine.errors import ConfigurationError
from engine.store.addresses import Address
from engine.store.errors import DriverError, translate

MIGRATIONS = Path(__file__).parent / "migrations"
_CURRENT = "select version_num from alembic_version"


@cache
def known_versions() -> tuple[str, ...]:
    """Versions that this program knows, oldest first: files of migrations are named `<version>_<noun>.py`."""
    return tuple(sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py")))


async def check_version(url: str) -> None:
    """Compare the database with this program.

    Raises:
        ConfigurationError: the database is newer than this program, or older and not migrated yet.
        Unavailable: the database does not answer.
    """
    try:
        current = await _current(url)
    except DriverError as error:
        raise translate(error) or error from error
    refuse_newer(current)
    newest = known_versions()[-1]
    if current != newest:
        raise ConfigurationError(
            f"The database is at version {current}; this program needs {newest}: `maestro migrate`."
        )


def refuse_newer(current: str | None) -> None:
    """Refuse a database that a newer program has migrated.

    Raises:
        ConfigurationError: its version is not known here.
    """
    if current is not None and current not in known_versions():
        raise ConfigurationError(
            f"The database is of a newer version ({current}) than this program knows: update the program."
        )


async def _current(url: str) -> str | None:
    connection = await asyncpg.connect(**Address.parse(url).arguments(), timeout=10)
    try:
        found: str | None = await connection.fetchval(_CURRENT)
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return found
