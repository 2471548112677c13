"""Durable servers of the crash suite's own: they may be stopped and killed."""

from collections.abc import Iterator
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
    postgres.start()
    try:
        valkey.start()
        try:
            yield Servers(postgres, valkey)
        finally:
            valkey.stop()
    finally:
        postgres.stop()
