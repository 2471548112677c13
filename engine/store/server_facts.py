"""What a PostgreSQL server says of itself, whether or not the database has been migrated."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from engine.errors import Unavailable
from engine.store.addresses import Address
from engine.store.errors import DEPENDENCY, DriverError, translate

_FACTS = (
    "select current_setting('server_version_num')::int as version, current_setting('fsync') as fsync,"
    " current_setting('synchronous_commit') as synchronous_commit, clock_timestamp() as now"
)
_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One look at a server.

    Attributes:
        version: `server_version_num`, 150004 for 15.4.
        is_durable: commits are answered only when they are safe.
        now: the server's clock while it was asked.
    """

    version: int
    is_durable: bool
    now: datetime


async def server_facts(url: str) -> ServerFacts:
    """Ask the server behind a URL, over a connection of its own.

    Raises:
        ConfigurationError: the URL cannot be read.
        Unavailable: it does not answer, or does not let this login in.
    """
    try:
        connection = await asyncpg.connect(**Address.parse(url).arguments(), timeout=_TIMEOUT_S)
        try:
            row = await connection.fetchrow(_FACTS)
        finally:
            await connection.close()
    except DriverError as error:
        raise translate(error) or Unavailable(DEPENDENCY, f"The database refuses this login: {error}.") from error
    durable = row["fsync"] == "on" and row["synchronous_commit"] != "off"
    return ServerFacts(row["version"], durable, row["now"])
