"""What may happen to workers, servers, disks, clocks and the links between them while work is under way."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

from redis.exceptions import RedisError

from engine.queue.link import connect
from engine.telemetry.crash_points import NAMES
from tests.crash.fleet import Death, Member
from tests.crash.links import State, Wire
from tests.crash.stage import Fault, Round

LEASE_S = 3.5
HOUR_S = 3_600.0


async def kill_worker(played: Round) -> None:
    """Kill one while another lives: how soon work goes on is measured, and starting a process is no part of that."""
    await played.until_live(2)
    await played.note([played.fleet.kill_one(played.chance)])


async def kill_all(played: Round) -> None:
    """Kill every one: the work waits for new processes."""
    played.fleet.kill_all()
    played.orphans.clear()


async def crash_at_a_point(played: Round) -> None:
    """The next worker dies at a named point, at one of its first visits."""
    await kill_worker(played)
    point = played.chance.choice(sorted(NAMES))
    await played.note(played.fleet.fill(f"{point}:{played.chance.randint(1, 6)}"))


async def freeze_worker(played: Round) -> None:
    """SIGSTOP for one and a half to three lease times: it comes back fenced."""
    await played.until_live(2)
    death, thaw = played.fleet.freeze_one(played.chance)
    await played.note([death])
    frozen_s = LEASE_S * played.chance.uniform(1.5, 3.0)

    async def warm_up() -> None:
        await asyncio.sleep(frozen_s)
        thaw()

    played.meanwhile(warm_up())


async def stall_worker(played: Round) -> None:
    """Its event loop stands still for less than a lease, as behind a blocking call: it keeps what it holds."""
    await played.until_live(2)
    _, thaw = played.fleet.freeze_one(played.chance)
    await asyncio.sleep(played.chance.uniform(0.3, 2.0))
    thaw()


async def set_clock_wrong(played: Round) -> None:
    """The next worker's machine is an hour ahead or behind."""
    await kill_worker(played)
    await played.note(played.fleet.fill(clock_ahead_s=played.chance.choice((-HOUR_S, HOUR_S))))


async def poison_worker(played: Round) -> None:
    """An execution that kills each worker which takes it: it must end in quarantine, and hurt no other."""
    played.poisoned.append(await played.front.execute(played.poison, {}, f"poison-{len(played.poisoned)}"))


async def flush_redis(played: Round) -> None:
    link = await connect(played.servers.redis_url)
    await link.commands.flushall()
    await link.close()


async def restart_redis(played: Round) -> None:
    await played.servers.crash(played.servers.valkey, played.chance.random() * 0.5)


async def lose_redis(played: Round) -> None:
    """A restart without its log."""
    await played.servers.lose_redis(played.chance.random() * 0.5)


async def refuse_redis_writes(played: Round) -> None:
    """Out of memory, or read-only as a replica that was promoted to nothing."""
    link = await connect(played.servers.redis_url)
    ways = ((("maxmemory", "1"), ("maxmemory", "0")), (("min-replicas-to-write", "3"), ("min-replicas-to-write", "0")))
    broken, mended = played.chance.choice(ways)
    await link.commands.config_set(*broken)
    await asyncio.sleep(played.chance.uniform(0.3, 1.0))
    await link.commands.config_set(*mended)
    await link.close()


async def pause_redis(played: Round) -> None:
    """It takes connections and answers nobody."""
    link = await connect(played.servers.redis_url)
    paused_s = played.chance.uniform(0.5, 2.0)
    await link.commands.client_pause(int(paused_s * 1_000))
    with contextlib.suppress(RedisError, TimeoutError):
        await link.close()
    await asyncio.sleep(paused_s)


async def crash_postgres(played: Round) -> None:
    """Kill -9 of the server."""
    await played.servers.crash(played.servers.postgres, played.chance.random() * 0.5)


async def stop_postgres_at_once(played: Round) -> None:
    """Immediate shutdown."""
    await played.servers.stop_postgres_at_once(played.chance.random() * 0.5)


async def fill_disk(played: Round) -> None:
    """No block is left where PostgreSQL writes. It refuses, or gives up; then there is room again."""
    if played.servers.disk is None:
        played.faults["fill_disk"] -= 1
        return
    await asyncio.to_thread(played.servers.disk.fill)
    await asyncio.sleep(played.chance.uniform(0.3, 1.0))
    await asyncio.to_thread(played.servers.disk.free)
    await played.servers.revive_postgres()


async def lose_replies(played: Round) -> None:
    """The receiver applies effects and its answers are lost."""
    played.receiver.lost_replies = 0.3
    await asyncio.sleep(0.5)
    played.receiver.lost_replies = 0.0


async def kill_ledger(played: Round) -> None:
    played.servers.ledger.kill()
    await asyncio.sleep(played.chance.random() * 0.5)


async def cut_links(played: Round) -> None:
    """Connections of one worker, or of all, are reset, and new ones refused for a while."""
    wires = [wire for member in _some(played) for wire in _wires(played, member)]
    for wire in wires:
        wire.become(State.CUT)
    await asyncio.sleep(played.chance.uniform(0.2, 1.5))
    for wire in wires:
        wire.become(State.OPEN)


async def slow_links(played: Round) -> None:
    """Everything between the workers and their servers takes longer."""
    wires = [wire for links in played.links for wire in links.wires()]
    for wire in wires:
        wire.delay_s = played.chance.uniform(0.01, 0.08)
    await asyncio.sleep(played.chance.uniform(0.5, 1.5))
    for wire in wires:
        wire.delay_s = 0.0


async def silence_links(played: Round) -> None:
    """One worker is alone behind half-open connections until its lease is over; others go on with what it held."""
    await played.until_live(2)
    member = played.chance.choice(played.fleet.workers)
    links = played.links[member.place % len(played.links)]
    for wire in links.wires():
        wire.become(State.SILENT)
    await played.note([Death(member.pid, time.time())])
    silent_s = LEASE_S * played.chance.uniform(1.1, 1.6)

    async def heal() -> None:
        await asyncio.sleep(silent_s)
        for wire in links.wires():
            wire.become(State.OPEN)
            if played.chance.random() < 0.5:
                wire.reset()

    played.meanwhile(heal())


async def deafen_links(played: Round) -> None:
    """What workers ask arrives, the answers do not, then the connection is cut: commits land whose answer is lost."""
    wires = [_wires(played, member)[0] for member in _some(played)]
    for wire in wires:
        wire.become(State.DEAF)
    await asyncio.sleep(played.chance.uniform(0.1, 0.8))
    for wire in wires:
        wire.become(State.CUT)
        wire.become(State.OPEN)


ON_LINKS: frozenset[Fault] = frozenset({cut_links, slow_links, silence_links, deafen_links})
"""What needs links that workers are reached by."""


def _some(played: Round) -> Sequence[Member]:
    members = played.fleet.workers
    return members if played.chance.random() < 0.3 else [played.chance.choice(members)]


def _wires(played: Round, member: Member) -> tuple[Wire, Wire]:
    return played.links[member.place % len(played.links)].wires()
