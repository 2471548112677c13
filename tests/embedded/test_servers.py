"""The embedded servers keep what was committed, whatever ends them."""

from pathlib import Path
from typing import Protocol

import asyncpg
import pytest
from redis.asyncio import Redis

from engine.errors import ConfigurationError
from scripts.embedded.account import Account, require_reachable
from scripts.embedded.postgres import EmbeddedPostgres, PostgresConfig
from scripts.embedded.state import read_state
from scripts.embedded.valkey import EmbeddedValkey, ValkeyConfig


class Stoppable(Protocol):
    def stop(self) -> None: ...
    def kill(self) -> None: ...


def _end(server: Stoppable, how: str) -> None:
    if how == "kill":
        server.kill()
    else:
        server.stop()


@pytest.mark.server
@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_postgres_keeps_committed_rows(servers_folder: Path, how: str) -> None:
    folder = servers_folder / f"durable-{how}"
    server = EmbeddedPostgres(PostgresConfig(folder))
    server.start()
    connection = await asyncpg.connect(server.url)
    await connection.execute("create table kept (value int); insert into kept values (42)")
    await connection.close()
    _end(server, how)

    again = EmbeddedPostgres(PostgresConfig(folder))
    again.start()
    try:
        connection = await asyncpg.connect(again.url)
        assert await connection.fetchval("select value from kept") == 42
        assert await connection.fetchval("show fsync") == "on"
        assert await connection.fetchval("show synchronous_commit") == "on"
        owner = await connection.fetchrow("select rolsuper, rolbypassrls from pg_roles where rolname = current_user")
        assert tuple(owner) == (False, False)
        await connection.close()
        state = read_state(folder / "state.json")
        assert state is not None
        assert state.pid == again.pid
    finally:
        again.stop()


@pytest.mark.server
@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_valkey_keeps_streams_and_groups(servers_folder: Path, how: str) -> None:
    folder = servers_folder / f"valkey-{how}"
    server = EmbeddedValkey(ValkeyConfig(folder))
    server.start()
    async with Redis.from_url(server.url) as client:
        await client.xgroup_create("s", "g", id="0", mkstream=True)
        await client.xadd("s", {"k": "v"})
        await client.config_set("appendfsync", "always")  # the next write syncs the earlier ones too
        await client.set("done", "1")
    _end(server, how)

    again = EmbeddedValkey(ValkeyConfig(folder))
    again.start()
    try:
        async with Redis.from_url(again.url) as client:
            assert await client.xlen("s") == 1
            assert [group["name"] for group in await client.xinfo_groups("s")] == [b"g"]
            assert (await client.config_get("appendfsync"))["appendfsync"] == "everysec"
    finally:
        again.stop()


@pytest.mark.server
def test_a_start_ends_what_a_killed_run_left_in_its_folder(servers_folder: Path) -> None:
    folder = servers_folder / "orphan"
    orphan = EmbeddedPostgres(PostgresConfig(folder, durable=False))
    orphan.start()
    left = orphan.pid

    again = EmbeddedPostgres(PostgresConfig(folder, durable=False))
    again.start()
    try:
        assert left is not None
        assert orphan.pid is None
        assert again.pid not in (None, left)
    finally:
        again.stop()


@pytest.mark.server
def test_secrets_are_random_and_readable_by_their_owner_alone(postgres: EmbeddedPostgres, servers_folder: Path) -> None:
    files = sorted((servers_folder / "postgres").glob("*.secret"))
    assert [file.name for file in files] == ["owner.secret", "superuser.secret"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert len({file.read_text() for file in files}) == 2
    assert all(len(file.read_text().strip()) >= 43 for file in files)
    assert postgres.pid is not None


def test_a_closed_parent_folder_is_named_with_its_cure(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    stranger = Account("stranger", 65_000, 65_000)
    with pytest.raises(ConfigurationError, match="chmod o\\+x /") as caught:
        require_reachable(closed / "data", stranger)
    assert caught.value.code == "embedded.folder_unreachable"
