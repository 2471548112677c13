"""Connections, transactions and the one edge at which driver errors are translated."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from ledger.errors import Unavailable
from ledger.telemetry import DATABASE_CONNECTIONS, DATABASE_SECONDS, exemplar

DRIVER_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.exceptions.LockNotAvailableError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
)
_ENTER = (
    "SELECT set_config('role', 'maestro_ledger', true), set_config('statement_timeout', '15s', true),"
    " set_config('lock_timeout', '10s', true), set_config('idle_in_transaction_session_timeout', '30s', true),"
    # A plan that was cached while a table was tiny would scan it for ever; every statement here has an index.
    " set_config('enable_seqscan', 'off', true)"
)
_ACQUIRE_S = 10.0
_TRANSACTIONS = DATABASE_SECONDS.labels("postgresql", "transaction")
_USED = DATABASE_CONNECTIONS.labels("postgresql", "used")
_IDLE = DATABASE_CONNECTIONS.labels("postgresql", "idle")


def translated(exc: BaseException) -> Unavailable:
    """The ledger's error for a driver's; the driver's own text stays in the chain, for the log only."""
    return Unavailable(f"The ledger's database does not answer ({type(exc).__name__}).")


class Database:
    """A pool whose transactions run under the role `maestro_ledger`, which may append but not change."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        _USED.set_function(lambda: pool.get_size() - pool.get_idle_size())
        _IDLE.set_function(pool.get_idle_size)

    @classmethod
    async def open(cls, url: str, *, pool_size: int = 8) -> "Database":
        """Open the pool.

        Raises:
            Unavailable: the database does not answer.
        """
        try:
            pool = await asyncpg.create_pool(
                url, min_size=1, max_size=pool_size, timeout=10, server_settings={"application_name": "maestro-ledger"}
            )
        except DRIVER_ERRORS as exc:
            raise translated(exc) from exc
        return cls(pool)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction, committed on leaving.

        Raises:
            Unavailable: no connection, or one that broke; whether a commit took place is then unknown, and the
                next append finds out by reading.
        """
        began = time.perf_counter()
        try:
            async with self._pool.acquire(timeout=_ACQUIRE_S) as connection, connection.transaction():
                await connection.execute(_ENTER)
                yield connection
            _TRANSACTIONS.observe(time.perf_counter() - began, exemplar())
        except DRIVER_ERRORS as exc:
            raise translated(exc) from exc

    async def close(self) -> None:
        """Close every connection; what does not close in time is cut."""
        try:
            await asyncio.wait_for(self._pool.close(), timeout=5)
        except TimeoutError:
            self._pool.terminate()
