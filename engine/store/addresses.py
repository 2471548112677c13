"""Database URLs as the drivers want them: TCP and unix sockets alike."""

from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from engine.errors import ConfigurationError

SCHEMES = frozenset({"postgresql", "postgres", "postgresql+asyncpg"})
DEFAULT_PORT = 5432


class ConnectArguments(TypedDict, total=False):
    """Keyword arguments of `asyncpg.connect`."""

    host: str
    port: int
    user: str
    password: str
    database: str
    ssl: str
    statement_cache_size: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is and who connects.

    Attributes:
        host: name, address, or the folder of a unix socket.
        ssl: `sslmode` of the URL; None: the driver's default.
        statement_cache_size: 0 switches prepared statements off, for poolers older than PgBouncer 1.21.
    """

    host: str
    port: int
    user: str | None
    password: str | None
    database: str
    ssl: str | None
    statement_cache_size: int | None

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Address of `postgresql://user:password@host:port/database[?host=/socket/folder&sslmode=…]`.

        Raises:
            ConfigurationError: the text is not such a URL. The message repeats no part of it: it holds a password.
        """
        try:
            return cls._parse(url)
        except (ArgumentError, ValueError):
            raise ConfigurationError("The database URL cannot be read; it starts with postgresql://.") from None

    @classmethod
    def _parse(cls, url: str) -> "Address":
        parsed = make_url(url)
        if parsed.drivername not in SCHEMES or not parsed.database:
            raise ConfigurationError("The database URL must be postgresql://user:password@host:port/database.")
        cache = _single(parsed.query.get("statement_cache_size"))
        return cls(
            host=_single(parsed.query.get("host")) or parsed.host or "127.0.0.1",
            port=int(_single(parsed.query.get("port")) or parsed.port or DEFAULT_PORT),
            user=parsed.username,
            password=parsed.password,
            database=parsed.database,
            ssl=_single(parsed.query.get("sslmode")),
            statement_cache_size=int(cache) if cache is not None else None,
        )

    def arguments(self) -> ConnectArguments:
        """What `asyncpg.connect` is called with."""
        found = ConnectArguments(host=self.host, port=self.port, database=self.database)
        if self.user is not None:
            found["user"] = self.user
        if self.password is not None:
            found["password"] = self.password
        if self.ssl is not None:
            found["ssl"] = self.ssl
        if self.statement_cache_size is not None:
            found["statement_cache_size"] = self.statement_cache_size
        return found


def _single(value: str | tuple[str, ...] | None) -> str | None:
    if isinstance(value, tuple):
        return value[-1]
    return value
