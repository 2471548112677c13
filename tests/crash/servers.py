"""Durable servers of the crash suite's own: they may be stopped and killed."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.embedded.postgres import EmbeddedPostgres, PostgresConfig
from scripts.embedded.valkey import EmbeddedValkey, ValkeyConfig


@dataclass(frozen=True, slots=True)
class Servers:
    """PostgreSQL and a Redis-protocol server, with commits that survive a crash."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    hands: ThreadPoolExecutor

    async def crash(self, server: EmbeddedPostgres | EmbeddedValkey, down_s: float) -> None:
        """Kill a server and start it again after a while.

        Servers die with the thread that started them, so that one thread does it for as long as they shall live.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self.hands, server.kill)
        await asyncio.sleep(down_s)
        await loop.run_in_executor(self.hands, server.start)

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
def running_servers(folder: Path) -> Iterator[Servers]:
    postgres = EmbeddedPostgres(PostgresConfig(folder / "postgres", durable=True))
    valkey = EmbeddedValkey(ValkeyConfig(folder / "valkey", durable=True))
    with ThreadPoolExecutor(1) as hands:
        hands.submit(postgres.start).result()
        try:
            hands.submit(valkey.start).result()
            try:
                yield Servers(postgres, valkey, hands)
            finally:
                hands.submit(valkey.stop).result()
        finally:
            hands.submit(postgres.stop).result()
