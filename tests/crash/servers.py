"""Durable servers of the crash suite's own: they may be stopped, killed, and run out of room."""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.embedded.postgres import EmbeddedPostgres, PostgresConfig
from scripts.embedded.valkey import EmbeddedValkey, ValkeyConfig
from tests.crash.disks import Disk, small_disk
from tests.crash.ledgers import LedgerKeeper


@dataclass(frozen=True, slots=True)
class Servers:
    """PostgreSQL and a Redis-protocol server, with commits that survive a crash.

    Attributes:
        disk: PostgreSQL's own; None: it shares the machine's.
        redis_log: folder of the Redis-protocol server's append-only file.
        ledger: starts when it is asked to stay alive for the first time.
    """

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    hands: ThreadPoolExecutor
    redis_log: Path
    ledger: LedgerKeeper
    disk: Disk | None = None

    async def crash(self, server: EmbeddedPostgres | EmbeddedValkey, down_s: float) -> None:
        """Kill a server and start it again after a while."""
        await self._by_hand(server.kill)
        await asyncio.sleep(down_s)
        await self._by_hand(server.start)

    async def stop_postgres_at_once(self, down_s: float) -> None:
        """Immediate shutdown, as `pg_ctl stop -m immediate`; it recovers from its log when it is started again."""
        if self.postgres.pid is not None:
            os.kill(self.postgres.pid, signal.SIGQUIT)
        while self.postgres.pid is not None:  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(0.01)
        await self.crash(self.postgres, down_s)

    async def lose_redis(self, down_s: float) -> None:
        """Kill the Redis-protocol server and start it without its log: it has forgotten everything."""
        await self._by_hand(self.valkey.kill)
        shutil.rmtree(self.redis_log, ignore_errors=True)
        await asyncio.sleep(down_s)
        await self._by_hand(self.valkey.start)

    async def revive_postgres(self) -> None:
        """Start it again where it gave up."""
        if self.postgres.pid is None:
            await self._by_hand(self.postgres.kill)
            await self._by_hand(self.postgres.start)

    async def _by_hand(self, act: Callable[[], None]) -> None:
        """Servers die with the thread that started them, so that one thread does it for as long as they shall live."""
        await asyncio.get_running_loop().run_in_executor(self.hands, act)

    @property
    def database_url(self) -> str:
        return self.postgres.url

    @property
    def superuser_url(self) -> str:
        database = self.postgres.url.rsplit("/", 1)[1]
        return self.postgres.superuser_url.rsplit("/", 1)[0] + "/" + database

    @property
    def redis_url(self) -> str:
        return self.valkey.url


@contextmanager
def running_servers(folder: Path, *, on_small_disk: bool = False) -> Iterator[Servers]:
    """Servers for as long as the block lasts; PostgreSQL on a disk of its own where that is wanted and possible."""
    valkey = EmbeddedValkey(ValkeyConfig(folder / "valkey", durable=True))
    redis_log = folder / "valkey" / "data" / "appendonlydir"
    with ThreadPoolExecutor(1) as hands, _disk(folder / "disk", wanted=on_small_disk) as disk:
        where = folder if disk is None else disk.folder
        postgres = EmbeddedPostgres(PostgresConfig(where / "postgres", durable=True))
        ledger = LedgerKeeper(lambda: postgres.url, folder / "ledger")
        hands.submit(postgres.start).result()
        try:
            hands.submit(valkey.start).result()
            try:
                yield Servers(postgres, valkey, hands, redis_log, ledger, disk)
            finally:
                ledger.kill()
                hands.submit(valkey.stop).result()
        finally:
            hands.submit(postgres.stop).result()


@contextmanager
def _disk(folder: Path, *, wanted: bool) -> Iterator[Disk | None]:
    if not wanted:
        yield None
        return
    with small_disk(folder) as disk:
        yield disk
