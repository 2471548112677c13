"""One crash round: executions are accepted, workers and servers break while they run, the invariants are checked.

Everything that is random comes from the round's seed, so that a round can be played again.
"""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg

from engine.jsonvalue import JsonObject
from tests.crash import workloads
from tests.crash.faults import ON_LINKS, poison_worker
from tests.crash.fleet import Fleet
from tests.crash.front import Front, open_front
from tests.crash.invariants import FINAL, Verdict, check
from tests.crash.links import Links, Wire, address_of
from tests.crash.obligations import check_obligations
from tests.crash.people import attend_to_people
from tests.crash.receiver import Receiver
from tests.crash.servers import Servers
from tests.crash.stage import ENDS_WITHIN_S, Fault, Round

_UNFINISHED = """
select 1 from executions where tenant_id = $1 and status <> all($2)
union all select 1 from outbox where tenant_id = $1 and (topic like 'ledger.%' or topic = 'event.emitted') limit 1
"""


@dataclass(frozen=True, slots=True)
class Script:
    """What a round consists of.

    Attributes:
        kinds: workflows by what makes their documents, given the receiver's address.
        size: executions of each kind before each fault.
        faults: what happens while they run, one after another.
        pause_s: at most between two faults.
        with_others: sub-workflows, signals, schedules, webhooks and events besides.
        wide: executions of two hundred calls at once, before the first fault.
    """

    seed: int
    kinds: Sequence[Callable[[str], JsonObject]]
    size: int
    faults: Sequence[Fault]
    pause_s: float = 0.6
    with_others: bool = True
    workers: int = 3
    wide: int = 0


async def play(script: Script, servers: Servers, folder: Path) -> tuple[Round, Verdict]:
    """Play one round to its end, and check."""
    async with _staged(script, servers, folder) as played:
        await played.tend()
        people = asyncio.get_running_loop().create_task(attend_to_people(played))
        try:
            await _break(played, script)
            await _until_final(played)
        finally:
            people.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await people
        connection = await played.reader()
        try:
            ids = await _all_ids(played, connection)
            verdict = await check(connection, ids, played.receiver, played.orphans)
            await check_obligations(connection, played, verdict)
        finally:
            await connection.close()
        return played, verdict


@asynccontextmanager
async def _staged(script: Script, servers: Servers, folder: Path) -> AsyncIterator[Round]:
    chance = random.Random(script.seed)  # noqa: S311 - a round must be repeatable
    receiver = Receiver(random.Random(script.seed + 1))  # noqa: S311 - as above
    tenant = f"round-{script.seed}-{os.getpid()}-{time.monotonic_ns()}"
    async with AsyncExitStack() as stack:
        await receiver.start()
        stack.push_async_callback(receiver.stop)
        links = await _links(stack, servers, script)
        places = [
            {
                "MAESTRO_DATABASE_URL": each.postgres.front_of(servers.database_url),
                "MAESTRO_REDIS_URL": each.redis.front_of(servers.redis_url),
            }
            for each in links
        ]
        log = folder / f"workers-{script.seed}.log"
        fleet = Fleet(_environment(servers, receiver), log, script.workers, places)
        stack.callback(fleet.kill_all)
        callers = random.Random(script.seed + 2)  # noqa: S311 - as above
        front = await stack.enter_async_context(open_front(servers.database_url, servers.redis_url, tenant, callers))
        yield Round(script.seed, servers, fleet, receiver, front, chance, tenant, links)


async def _links(stack: AsyncExitStack, servers: Servers, script: Script) -> list[Links]:
    """Ways of their own for each worker, where the round has faults of links; else none."""
    if not ON_LINKS.intersection(script.faults):
        return []
    found: list[Links] = []
    for _ in range(script.workers):
        links = Links(
            Wire(lambda: address_of(servers.database_url)),
            Wire(lambda: address_of(servers.redis_url)),
        )
        await links.start()
        stack.push_async_callback(links.stop)
        found.append(links)
    return found


def _environment(servers: Servers, receiver: Receiver) -> dict[str, str]:
    return {
        "MAESTRO_DATABASE_URL": servers.database_url,
        "MAESTRO_REDIS_URL": servers.redis_url,
        "MAESTRO_OUTBOUND_ALLOW": f"127.0.0.1:{receiver.port}",
        **servers.ledger.environment,
    }


@dataclass(slots=True)
class _Works:
    """What a round starts executions of, by the ids of their workflows."""

    kinds: list[str] = field(default_factory=list)
    waiting: str = ""
    wide: str = ""
    listener: tuple[str, str] = ("", "")
    waves: int = 0


async def _publish_all(front: Front, script: Script, to: str) -> _Works:
    found = _Works(list(await asyncio.gather(*(front.publish(kind(to)) for kind in script.kinds))))
    if script.wide:
        found.wide = await front.publish(workloads.two_hundred(to))
    if script.with_others:
        child, found.waiting, found.listener, _ = await asyncio.gather(
            front.publish(workloads.child(to)),
            front.publish(workloads.waiting(to)),
            front.listen("orders"),
            front.tick_every_second(),
        )
        found.kinds.append(await front.publish(workloads.parent(to, child)))
    return found


async def _accept_wave(played: Round, works: _Works, size: int) -> None:
    """Accept some executions of each kind."""
    front, works.waves = played.front, works.waves + 1
    keys = [(found, f"w{works.waves}-{number}-{n}") for number, found in enumerate(works.kinds) for n in range(size)]
    await asyncio.gather(*(front.execute(workflow_id, {"items": [1, 2, 3]}, key) for workflow_id, key in keys))
    if works.waiting:
        for n in range(size):
            accepted = await front.execute(works.waiting, {}, f"w{works.waves}-wait-{n}")
            played.waiting.append(accepted)  # only now: the list is another one each time that somebody has looked
        await front.knock(works.listener, "orders", f"m{works.waves}")


async def _until_some_ran(played: Round) -> None:
    some = "select exists (select from step_checkpoints where tenant_id = $1)"
    while not await played.ask(some, played.tenant):
        await played.tend()
        await asyncio.sleep(0.02)


async def _break(played: Round, script: Script) -> None:
    """A wave of executions, a moment, a fault; again and again."""
    works = await _publish_all(played.front, script, played.receiver.url())
    if poison_worker in script.faults:
        played.poison = await played.front.publish(workloads.poisonous())
    for n in range(script.wide):
        await played.front.execute(works.wide, {}, f"wide-{n}")
    for number, fault in enumerate(script.faults):
        await _accept_wave(played, works, script.size)
        if number == 0:
            await _until_some_ran(played)
        await asyncio.sleep(played.chance.random() * script.pause_s)
        played.faults[fault.__name__] += 1
        await fault(played)
        await played.tend()
    played.is_over = True
    await asyncio.gather(*played.later)
    await played.front.stop_ticking()


async def _until_final(played: Round) -> None:
    deadline = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < deadline:
        await played.tend()
        if await played.ask(_UNFINISHED, played.tenant, sorted(FINAL)) is None:
            return
        await asyncio.sleep(0.05)


async def _all_ids(played: Round, connection: asyncpg.Connection) -> list[UUID]:
    """What was accepted, and what came of it: children, and what schedules, webhooks and events have started."""
    rows = await connection.fetch("select id from executions where tenant_id = $1", played.tenant)
    return list({*played.front.accepted, *(row["id"] for row in rows)})
