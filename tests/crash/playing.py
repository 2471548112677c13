"""One crash round: executions are accepted, workers and servers break while they run, the invariants are checked.

Everything that is random comes from the round's seed, so that a round can be played again.
"""

import asyncio
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg

from engine.jsonvalue import JsonObject
from engine.queue.bell import StreamBell
from engine.queue.link import Link, connect
from engine.queue.streams import Streams
from engine.runtime.events import SignalReceived
from engine.store.database import Database
from engine.store.inbox import Posting, post
from engine.telemetry.crash_points import NAMES
from tests.crash import workloads
from tests.crash.fleet import Death, Fleet
from tests.crash.invariants import FINAL, Orphan, Verdict, check, orphans_of
from tests.crash.receiver import Receiver
from tests.crash.servers import Servers
from tests.workers.seeding import Version, accept, new_id, publish

ENDS_WITHIN_S = 90.0
FROZEN_S = 6.0


@dataclass(slots=True)
class Round:
    """One round under way."""

    seed: int
    servers: Servers
    fleet: Fleet
    receiver: Receiver
    chance: random.Random
    tenant: str
    ids: list[UUID] = field(default_factory=list)
    waiting: list[UUID] = field(default_factory=list)
    orphans: list[Orphan] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    is_over: bool = False

    async def reader(self) -> asyncpg.Connection:
        """A connection that sees everything."""
        return await asyncpg.connect(self.servers.superuser_url)

    async def until_live(self, count: int) -> None:
        """Return when so many workers have a lease."""
        connection = await self.reader()
        try:
            live = "select count(*) from workers where lease_until > now() and stopped_at is null and name = any($1)"
            async with asyncio.timeout(ENDS_WITHIN_S):
                while True:
                    await self.note(self.fleet.fill())
                    names = [f"{socket.gethostname()}:{worker.pid}" for worker in self.fleet.workers]
                    if await connection.fetchval(live, names) >= count:
                        return
                    await asyncio.sleep(0.02)
        finally:
            await connection.close()

    async def note(self, deaths: Sequence[Death]) -> None:
        """Remember what the dead had held."""
        if deaths:
            connection = await self.reader()
            for death in deaths:
                self.orphans += await orphans_of(connection, death.pid, death.at)
            await connection.close()


Fault = Callable[[Round], Awaitable[None]]


async def kill_worker(played: Round) -> None:
    """Kill one while another lives: how soon work goes on is measured, and starting a process is no part of that."""
    await played.until_live(2)
    await played.note([played.fleet.kill_one(played.chance)])


async def kill_all(played: Round) -> None:
    """Kill every one: the work waits for new processes."""
    played.fleet.kill_all()
    played.orphans.clear()


async def freeze_worker(played: Round) -> None:
    """Frozen for longer than its lease: it comes back fenced."""
    await played.until_live(2)
    if played.fleet.workers:
        death, thaw = played.fleet.freeze_one(played.chance)
        await played.note([death])
        await asyncio.sleep(FROZEN_S)
        thaw()


async def crash_at_a_point(played: Round) -> None:
    """The next worker dies at a named point, at one of its first visits."""
    await kill_worker(played)
    point = played.chance.choice(sorted(NAMES))
    await played.note(played.fleet.fill(f"{point}:{played.chance.randint(1, 6)}"))


async def flush_redis(played: Round) -> None:
    link = await connect(played.servers.redis_url)
    await link.commands.flushall()
    await link.close()


async def restart_redis(played: Round) -> None:
    await played.servers.crash(played.servers.valkey, played.chance.random() * 0.5)


async def crash_postgres(played: Round) -> None:
    await played.servers.crash(played.servers.postgres, played.chance.random() * 0.5)


async def lose_replies(played: Round) -> None:
    played.receiver.lost_replies = 0.3
    await asyncio.sleep(0.5)
    played.receiver.lost_replies = 0.0


@dataclass(frozen=True, slots=True)
class Script:
    """What a round consists of.

    Attributes:
        kinds: workflows by what makes their documents, given the receiver's address.
        size: executions of each kind before each fault.
        faults: what happens while they run, one after another.
        pause_s: at most between two faults.
        with_others: sub-workflows and signals besides.
    """

    seed: int
    kinds: Sequence[Callable[[str], JsonObject]]
    size: int
    faults: Sequence[Fault]
    pause_s: float = 0.6
    with_others: bool = True
    workers: int = 3


async def play(script: Script, servers: Servers, folder: Path) -> tuple[Round, Verdict]:
    """Play one round to its end, and check."""
    chance = random.Random(script.seed)  # noqa: S311 - a round must be repeatable
    receiver = Receiver(random.Random(script.seed + 1))  # noqa: S311 - as above
    await receiver.start()
    fleet = Fleet(_environment(servers, receiver), folder / f"workers-{script.seed}.log", script.workers)
    tenant = f"round-{script.seed}-{os.getpid()}-{time.monotonic_ns()}"
    played = Round(script.seed, servers, fleet, receiver, chance, tenant)
    try:
        fleet.fill()
        await _break(played, script)
        await _until_final(played)
        connection = await played.reader()
        try:
            return played, await check(connection, await _all_ids(played, connection), receiver, played.orphans)
        finally:
            await connection.close()
    finally:
        fleet.kill_all()
        await receiver.stop()


def _environment(servers: Servers, receiver: Receiver) -> dict[str, str]:
    return {
        "MAESTRO_DATABASE_URL": servers.database_url,
        "MAESTRO_REDIS_URL": servers.redis_url,
        "MAESTRO_OUTBOUND_ALLOW": f"127.0.0.1:{receiver.port}",
    }


@dataclass(frozen=True, slots=True)
class _Versions:
    """What a round starts executions of."""

    kinds: tuple[Version, ...]
    waiting: Version | None


async def _publish_all(played: Round, script: Script) -> _Versions:
    to = played.receiver.url()
    kinds = [await _publish(played, kind(to)) for kind in script.kinds]
    if not script.with_others:
        return _Versions(tuple(kinds), None)
    child = await _publish(played, workloads.child(to))
    kinds.append(await _publish(played, workloads.parent(to, child.workflow_id)))
    return _Versions(tuple(kinds), await _publish(played, workloads.waiting(to)))


async def _accept_wave(played: Round, versions: _Versions, size: int) -> None:
    """Accept some executions of each kind, and ring for most of them."""
    url = played.servers.database_url
    wave: list[UUID] = []
    for version in versions.kinds:
        wave += await accept(url, version, size, {"items": [1, 2, 3]})
    if versions.waiting is not None:
        waiting = await accept(url, versions.waiting, size)
        wave += waiting
        played.waiting += waiting
    played.ids += wave
    await _ring(played, wave)


async def _publish(played: Round, body: JsonObject) -> Version:
    return await publish(played.servers.database_url, body, tenant=played.tenant)


async def _ring(played: Round, ids: Sequence[UUID]) -> None:
    """Ring for some of them; the rest is left to the sweep."""
    link: Link = await connect(played.servers.redis_url)
    bell = StreamBell(link, Streams())
    await bell.ring(played.tenant, [execution_id for execution_id in ids if played.chance.random() < 0.9])
    await bell.close()
    await link.close()


async def _until_some_ran(played: Round) -> None:
    connection = await played.reader()
    try:
        some = "select exists (select from step_checkpoints where tenant_id = $1)"
        while not await connection.fetchval(some, played.tenant):
            await played.note(played.fleet.fill())
            await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def _break(played: Round, script: Script) -> None:
    """A wave of executions, a moment, a fault; again and again."""
    versions = await _publish_all(played, script)
    signals = asyncio.get_running_loop().create_task(_signal_all(played))
    for fault in script.faults:
        await _accept_wave(played, versions, script.size)
        if len(played.ids) == len(versions.kinds) * script.size:
            await _until_some_ran(played)
        await asyncio.sleep(played.chance.random() * script.pause_s)
        played.faults[fault.__name__] += 1
        await fault(played)
        await played.note(played.fleet.fill())
    played.is_over = True
    await signals


async def _signal_all(played: Round) -> None:
    """Post the signals that some executions wait for, some time after their acceptance, while servers come and go."""
    while not played.is_over or played.waiting:
        await asyncio.sleep(played.chance.random())
        due, played.waiting = played.waiting, []
        if due and not await _signal(played, due):
            played.waiting += due


async def _signal(played: Round, due: Sequence[UUID]) -> bool:
    database = Database.connect(played.servers.database_url, application_name="signals")
    event = SignalReceived("go", {"by": "round"}, str(played.seed))
    try:
        async with database.transaction(played.tenant) as connection:
            await post(connection, [Posting(played.tenant, waiting, new_id(), event) for waiting in due])
    except Exception:  # noqa: BLE001 - PostgreSQL may be down at this very moment; the next try is as good
        return False
    finally:
        await database.close()
    return True


async def _until_final(played: Round) -> None:
    deadline = time.monotonic() + ENDS_WITHIN_S
    connection = await played.reader()
    try:
        while time.monotonic() < deadline:
            await played.note(played.fleet.fill())
            ids = await _all_ids(played, connection)
            rows = await connection.fetch("select status from executions where id = any($1)", ids)
            if all(row["status"] in FINAL for row in rows):
                return
            await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def _all_ids(played: Round, connection: asyncpg.Connection) -> list[UUID]:
    """What was accepted, and the children that came of it."""
    rows = await connection.fetch("select id from executions where parent_execution_id = any($1)", played.ids)
    return [*played.ids, *(row["id"] for row in rows)]
