"""Raw connections of the hot paths: prepared statements, plans that do not depend on the size of a fresh table."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Final

import asyncpg
from prometheus_client import Histogram

from engine.errors import Unavailable
from engine.store.database import Database, tenant_array
from engine.store.errors import DriverError, TransactionRaced, failed
from engine.store.statements import name_of
from engine.telemetry.metrics import DATABASE_SECONDS
from engine.telemetry.tracing import exemplar

_PLANNING: Final = """
SELECT set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false), set_config('enable_material', 'off', false),
       set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false)
"""
"""Every hot statement walks from given ids to rows by primary key. Left to itself the planner picks a sequential scan
while the tables are tiny, and a prepared statement keeps that plan until the next ANALYZE: the plan trap of a fresh
database. Or it gathers all rows that another condition finds (the leases of a worker, the rows of a tenant) and
compares each with each of the given ids: such a condition is written `(…) IS TRUE`, which no index answers, and nothing
may be gathered (`tests/store/test_plans.py`)."""

IDLE_IN_TRANSACTION_S: Final = 2.0
"""A transaction whose client says nothing for so long is ended by the server. It is less than a worker's lease: who was
frozen or cut off amid a commit must not keep rows locked from those who may take them over by then."""
_PATIENCE: Final = f"SELECT set_config('idle_in_transaction_session_timeout', '{IDLE_IN_TRANSACTION_S:.0f}s', false)"

_REPLAN: Final = "DISCARD PLANS"
_REPLAN_FIRST_S: Final = 0.5
_REPLAN_LAST_S: Final = 30.0
"""A plan made for an empty table is kept although the table grows, also that of a check of a foreign key: of indexes
that looked alike it may walk one that leads to all rows of a tenant, or the whole of one. So plans are made anew, often
while a connection is young, and later for a queue that was empty and for the table that a new month begins with.
Planning looks at sizes as they are, and takes less than a millisecond a statement."""

_TENANTS: Final = "SELECT set_config('maestro.tenants', $1, false)"


class HotConnection:
    """One raw connection, one user at a time; reopened by its next use after it broke."""

    def __init__(self, database: Database, role: str, *, replan_s: float = _REPLAN_FIRST_S) -> None:
        self._database = database
        self._role = role
        self._replan_first_s = self._replan_s = replan_s
        self._replan_at = 0.0
        self._connection: asyncpg.Connection | None = None
        self._lock = asyncio.Lock()
        self._tenants: frozenset[str] = frozenset()

    async def fetch(self, sql: str, *arguments: object, timeout_s: float | None = None) -> Sequence[Any]:
        """Rows of one statement, a transaction of its own. A time limit covers opening the connection as well.

        Raises:
            Unavailable: the server does not answer; whether the statement was committed is unknown.
            MaestroError: as `engine.store.errors.translate` says.
        """
        try:
            async with asyncio.timeout(timeout_s), self._used() as connection:
                began = time.perf_counter()
                rows: Sequence[Any] = await connection.fetch(sql, *arguments)
                _timing(sql).observe(time.perf_counter() - began, exemplar())
                return rows
        except TimeoutError as error:
            raise failed(error) from error

    @asynccontextmanager
    async def transaction(self, tenants: frozenset[str]) -> AsyncIterator[asyncpg.Connection]:
        """A transaction for rows of `tenants`. Errors as for `fetch`."""
        async with self.for_tenants(tenants) as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def for_tenants(self, tenants: frozenset[str]) -> AsyncIterator[asyncpg.Connection]:
        """The connection, its session set to `tenants` (or more: those of statements before). Errors as for `fetch`.

        The setting is the session's and changes only when a new tenant turns up: a commit costs no round trip for it.
        """
        async with self._used() as connection:
            if not tenants <= self._tenants:
                wanted = self._tenants | tenants if len(self._tenants) < _TENANTS_KEPT else tenants
                await connection.fetchval(_TENANTS, tenant_array(sorted(wanted)))
                self._tenants = wanted
            yield connection

    async def close(self) -> None:
        """Close it; a later use would open it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(timeout=2)

    @asynccontextmanager
    async def _used(self) -> AsyncIterator[asyncpg.Connection]:
        async with self._lock:
            try:
                connection = await self._opened()
                yield connection
            except asyncio.CancelledError:
                self._drop()
                raise
            except DriverError as error:
                meant = failed(error)
                if isinstance(meant, Unavailable) and not isinstance(meant, TransactionRaced):
                    self._drop()
                raise meant from error

    async def _opened(self) -> asyncpg.Connection:
        now = asyncio.get_running_loop().time()
        if self._connection is None or self._connection.is_closed():
            self._tenants = frozenset()
            self._connection = await self._database.raw(self._role)
            await self._connection.fetch(_PLANNING)
            await self._connection.fetch(_PATIENCE)
            self._replan_s = self._replan_first_s
            self._replan_at = now + self._replan_s
        elif now >= self._replan_at:
            await self._connection.execute(_REPLAN)
            self._replan_s = min(2 * self._replan_s, _REPLAN_LAST_S)
            self._replan_at = now + self._replan_s
        return self._connection

    def _drop(self) -> None:
        """Forget a connection whose protocol may be in the middle of an answer."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


@cache
def _timing(sql: str) -> Histogram:
    """Where times of a statement are kept: looked up once for each, there are as many as the code has."""
    return DATABASE_SECONDS.labels("postgresql", name_of(sql))


_TENANTS_KEPT: Final = 64
"""Tenants a session collects before it starts anew: row security compares each row with all of them."""
