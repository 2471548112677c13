"""Connections of database steps: opened by the outbound guard, pooled per named connection and revision."""

from collections import OrderedDict
from typing import Any

import asyncpg

from engine.actions.connections.values import ConnectionReference, PostgresConnection, PostgresTls
from engine.actions.outbound.guard import OutboundGuard, Ports
from engine.actions.outbound.tls import context_for_name
from engine.actions.outbound.traffic import DEFAULT_CONCURRENCY
from engine.jsonvalue import dumps, loads

_POOLS_KEPT = 64
_IDLE_S = 30.0
_CONNECT_S = 10.0


class DatabasePools:
    """Pools by connection. They belong to one event loop; idle connections close by themselves."""

    def __init__(self, guard: OutboundGuard) -> None:
        self._guard = guard
        self._pools: OrderedDict[ConnectionReference, asyncpg.Pool] = OrderedDict()

    async def of(self, connection: PostgresConnection) -> asyncpg.Pool:
        """The pool of a connection at its revision; made when it is first asked for, without connecting."""
        pool = self._pools.get(connection.reference)
        if pool is None:
            pool = self._pools[connection.reference] = self._make(connection)
            await self._forget_idle()
        await pool  # prepares it on first use and is nothing afterwards; no connection is opened
        self._pools.move_to_end(connection.reference)
        return pool

    async def close(self) -> None:
        """Close every connection at once."""
        for pool in self._pools.values():
            pool.terminate()
        self._pools.clear()

    def _make(self, connection: PostgresConnection) -> asyncpg.Pool:
        async def connect(**arguments: Any) -> asyncpg.Connection:
            addresses = await self._guard.addresses(connection.host, connection.port, Ports.DATABASE)
            secured = connection.tls is PostgresTls.VERIFY
            return await asyncpg.connect(
                host=[str(address) for address in addresses],
                port=[connection.port] * len(addresses),
                user=connection.username,
                # Never None: the driver would look for one in this machine's own files and environment.
                password="" if connection.password is None else connection.password.reveal(),
                database=connection.database,
                ssl=context_for_name(connection.host, connection.authority) if secured else False,
                timeout=_CONNECT_S,
                statement_cache_size=0,  # poolers in transaction mode stand before many databases
                server_settings={"application_name": "maestro-composer"},
                target_session_attrs="any",
                **arguments,
            )

        return asyncpg.Pool(
            connect=connect,
            min_size=0,
            max_size=connection.max_concurrency or DEFAULT_CONCURRENCY,
            max_queries=50_000,
            max_inactive_connection_lifetime=_IDLE_S,
            setup=None,
            init=_decode_json,
            reset=None,
            loop=None,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
        )

    async def _forget_idle(self) -> None:
        surplus = len(self._pools) - _POOLS_KEPT
        idle = [key for key, pool in self._pools.items() if pool.get_size() == 0]
        for key in idle[: max(surplus, 0)]:
            await self._pools.pop(key).close()


async def _decode_json(connection: asyncpg.Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=dumps, decoder=loads, schema="pg_catalog")
