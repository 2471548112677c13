"""The way to PostgreSQL: transactions that are somebody's, with row security as the second lock.

Every transaction drops to a role without rights of its own and names its tenants, both for this transaction only
(`SET LOCAL`), in one round trip. Nothing is kept in the session, so that a pooler in transaction mode may stand
between.
"""

import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import asyncpg
import orjson
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from engine.errors import ConfigurationError
from engine.store.addresses import Address
from engine.store.arrays import ask_for_plain_types
from engine.store.errors import DriverError, TransactionRaced, failed
from engine.store.spans import watch
from engine.telemetry.metrics import (
    DATABASE_CONNECTION_WAIT_SECONDS,
    DATABASE_CONNECTIONS,
    DATABASE_CONNECTIONS_MAX,
    DATABASE_SECONDS,
)
from engine.telemetry.tracing import exemplar

T = TypeVar("T")
Transaction = AsyncConnection
"""What the rooms above hand on to the store's functions; they run nothing on it themselves."""

APP_ROLE = "maestro_app"
LOOP_ROLE = "maestro_loop"
RACED_ATTEMPTS = 5
"""How often a transaction that lost a serialisation race is run before the caller hears of it."""

_TRANSACTIONS = DATABASE_SECONDS.labels("postgresql", "transaction")
_USED = DATABASE_CONNECTIONS.labels("postgresql", "used")
_IDLE = DATABASE_CONNECTIONS.labels("postgresql", "idle")
_MAX = DATABASE_CONNECTIONS_MAX.labels("postgresql")
_WAIT = DATABASE_CONNECTION_WAIT_SECONDS.labels("postgresql")

_ENTER = text(
    "select set_config('role', :role, true), set_config('maestro.tenants', :tenants, true),"
    " set_config('statement_timeout', :statement_timeout, true),"
    " set_config('idle_in_transaction_session_timeout', :idle_timeout, true)"
)
_ENTER_SESSION = (
    "select set_config('role', $1, false), set_config('statement_timeout', $2, false),"
    " set_config('idle_in_transaction_session_timeout', $3, false)"
)
_DURABILITY = text("select current_setting('fsync'), current_setting('synchronous_commit'), version()")


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits of connections and statements, and the size of the pool."""

    pool_size: int = 10
    pool_overflow: int = 10
    pool_timeout_s: float = 10.0
    connect_timeout_s: float = 10.0
    statement_timeout_ms: int = 15_000
    idle_in_transaction_timeout_ms: int = 30_000
    recycle_s: int = 1_800

    @property
    def answer_timeout_s(self) -> float:
        """What has no answer after this has lost its connection: the server itself would have given up by then."""
        return self.statement_timeout_ms / 1_000 + 2


class Database:
    """Transactions and raw connections of one PostgreSQL database. Opens lazily; safe for many tasks of one loop."""

    def __init__(self, address: Address, application_name: str, limits: Limits) -> None:
        ask_for_plain_types()
        self._address = address
        self._application_name = application_name
        self._limits = limits
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._open,
            pool_size=limits.pool_size,
            max_overflow=limits.pool_overflow,
            pool_timeout=limits.pool_timeout_s,
            pool_recycle=limits.recycle_s,
            pool_use_lifo=True,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            hide_parameters=True,  # errors are logged, and what callers sent is not
        )
        watch(self._engine)
        _USED.set_function(lambda: self._connections(QueuePool.checkedout))
        _IDLE.set_function(lambda: self._connections(QueuePool.checkedin))
        _MAX.set(limits.pool_size + limits.pool_overflow)

    @classmethod
    def connect(cls, url: str, *, application_name: str, pool_size: int = 10) -> "Database":
        """A database by its URL; the first transaction opens the first connection.

        Raises:
            ConfigurationError: the URL cannot be read.
        """
        return cls(Address.parse(url), application_name, Limits(pool_size=pool_size))

    @property
    def engine(self) -> AsyncEngine:
        """The pool, for instrumentation."""
        return self._engine

    @asynccontextmanager
    async def transaction(self, *tenants: str) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees and writes rows of `tenants` only; commits on leaving, rolls back on an error.

        Raises:
            Unavailable: the database does not answer, or took too long. A commit whose answer was lost also ends here:
                read what is there before repeating.
            TransactionRaced: a serialisation failure or deadlock; see `run`.
            ConstraintViolated: a constraint refused a row.
        """
        async with self._enter(APP_ROLE, tenants) as connection:
            yield connection

    @asynccontextmanager
    async def loop_transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction of the loops' role: all tenants, but only the tables that loops need. Errors as above."""
        async with self._enter(LOOP_ROLE, ()) as connection:
            yield connection

    async def run(self, work: Callable[[AsyncConnection], Awaitable[T]], *tenants: str) -> T:
        """Run `work` in a transaction, again from its start when it lost a serialisation race."""
        for attempt in range(1, RACED_ATTEMPTS + 1):
            try:
                async with self.transaction(*tenants) as connection:
                    return await work(connection)
            except TransactionRaced:
                if attempt == RACED_ATTEMPTS:
                    raise
        raise TransactionRaced

    async def raw(self, role: str) -> asyncpg.Connection:
        """A connection of its own for a hot path, outside of the pool; the caller closes it.

        Role and time limits hold for the session; the tenants are the caller's to set (`tenant_array`). It must not go
        through a pooler in transaction mode.
        """
        limits = self._limits
        try:
            connection = await self._open()
            try:
                await connection.execute(
                    _ENTER_SESSION,
                    role,
                    str(limits.statement_timeout_ms),
                    str(limits.idle_in_transaction_timeout_ms),
                )
            except BaseException:
                # Nobody else knows it yet: a caller that is cancelled just now could not close it.
                connection.terminate()
                raise
        except DriverError as error:
            raise failed(error) from error
        return connection

    async def check_durability(self) -> None:
        """Refuse a server that acknowledges commits before they are safe.

        Raises:
            ConfigurationError: `fsync` or `synchronous_commit` is off.
            Unavailable: the database does not answer.
        """
        async with self._enter(LOOP_ROLE, ()) as connection:
            fsync, synchronous_commit, _version = (await connection.execute(_DURABILITY)).one()
        if fsync != "on":
            raise ConfigurationError("PostgreSQL runs with fsync=off: accepted work could be lost. Switch it on.")
        if synchronous_commit == "off":
            raise ConfigurationError("PostgreSQL runs with synchronous_commit=off: accepted work could be lost.")

    async def ping(self) -> None:
        """One round trip.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._enter(LOOP_ROLE, ()):
            pass

    async def close(self) -> None:
        """Close all pooled connections."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _enter(self, role: str, tenants: Sequence[str]) -> AsyncIterator[AsyncConnection]:
        began = time.perf_counter()
        try:
            connection = await self._begin(role, tenants)
            try:
                yield connection
                await connection.commit()
                _TRANSACTIONS.observe(time.perf_counter() - began, exemplar())
            finally:
                await connection.close()
        except DriverError as error:
            raise failed(error) from error

    def _connections(self, count: Callable[[QueuePool], int]) -> float:
        pool = self._engine.pool
        return float(count(pool)) if isinstance(pool, QueuePool) else 0.0

    async def _begin(self, role: str, tenants: Sequence[str]) -> AsyncConnection:
        """A connection whose transaction has its role and tenants.

        A pooled connection that died with a restart of the server is found by this first statement; nothing has been
        done yet, so one more try on a fresh connection is safe.
        """
        limits = self._limits
        parameters = {
            "role": role,
            "tenants": tenant_array(tenants),
            "statement_timeout": str(limits.statement_timeout_ms),
            "idle_timeout": str(limits.idle_in_transaction_timeout_ms),
        }
        asked_at = time.perf_counter()
        connection = await self._engine.connect()
        _WAIT.observe(time.perf_counter() - asked_at, exemplar())
        try:
            await connection.execute(_ENTER, parameters)
        except DBAPIError as error:
            await connection.close()
            if not error.connection_invalidated:
                raise
        else:
            return connection
        connection = await self._engine.connect()
        try:
            await connection.execute(_ENTER, parameters)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _open(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            **self._address.arguments(),
            timeout=self._limits.connect_timeout_s,
            command_timeout=self._limits.answer_timeout_s,
            server_settings={"application_name": self._application_name},
        )
        _keep_alive(connection)
        return connection


def on_commit(connection: AsyncConnection, call: Callable[[], object]) -> None:
    """Call once the transaction is committed; never, where it is rolled back."""
    event.listen(connection.sync_connection, "commit", lambda _: call())


def tenant_array(tenants: Sequence[str]) -> str:
    """PostgreSQL's text form of an array, for the setting `maestro.tenants`."""
    quoted = ('"' + tenant.replace("\\", "\\\\").replace('"', '\\"') + '"' for tenant in tenants)
    return "{" + ",".join(quoted) + "}"


def _keep_alive(connection: asyncpg.Connection) -> None:
    """Have the kernel notice a peer that is gone.

    Probes after 30 s of silence, dead after three missed ones; what was sent is confirmed within 15 s, or the
    connection is given up: left to itself the kernel would send it again for a quarter of an hour.
    """
    transport = getattr(connection, "_transport", None)
    channel = transport.get_extra_info("socket") if transport is not None else None
    if channel is None or channel.family not in (socket.AF_INET, socket.AF_INET6):
        return
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 15_000))
    for option, value in options:
        number = getattr(socket, option, None)
        if number is not None:
            channel.setsockopt(socket.IPPROTO_TCP, number, value)
