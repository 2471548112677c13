"""Random crash rounds: which there are, and playing many of them."""

import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from engine.store.migrate import migrate
from tests.crash import faults, records, workloads
from tests.crash.playing import Script, play
from tests.crash.records import Record
from tests.crash.servers import Servers, running_servers
from tests.crash.stage import Fault

KINDS = (
    workloads.ten_steps,
    workloads.careful,
    workloads.wide,
    workloads.patient,
    workloads.looping,
    workloads.asking,
    workloads.doubtful,
)
FAULTS: dict[Fault, int] = {
    faults.kill_worker: 20,
    faults.crash_at_a_point: 16,
    faults.kill_all: 2,
    faults.freeze_worker: 2,
    faults.stall_worker: 3,
    faults.set_clock_wrong: 3,
    faults.poison_worker: 1,
    faults.flush_redis: 4,
    faults.restart_redis: 2,
    faults.lose_redis: 2,
    faults.refuse_redis_writes: 2,
    faults.pause_redis: 2,
    faults.crash_postgres: 3,
    faults.stop_postgres_at_once: 3,
    faults.fill_disk: 2,
    faults.lose_replies: 4,
    faults.kill_ledger: 3,
    faults.cut_links: 3,
    faults.slow_links: 2,
    faults.silence_links: 2,
    faults.deafen_links: 3,
}
"""What may happen, and how often in relation to the rest."""
WIDE_EVERY = 5
"""Each so many rounds have a fan-out of two hundred calls, which is lent."""
HARD_FAULTS: Sequence[Fault] = (*[faults.stop_postgres_at_once] * 10, *[faults.flush_redis] * 20)


def script_of(seed: int, *, size: int = 1, count: int = 4) -> Script:
    """The round of a seed."""
    chance = random.Random(-seed)  # noqa: S311 - a round must be repeatable
    chosen = chance.choices(list(FAULTS), weights=list(FAULTS.values()), k=count)
    return Script(seed, KINDS, size, chosen, wide=int(seed % WIDE_EVERY == 0))


def hard_script(seed: int) -> Script:
    """PostgreSQL stopped at once ten times and Redis flushed twenty times within one round."""
    chosen = list(HARD_FAULTS)
    random.Random(-seed).shuffle(chosen)  # noqa: S311 - as above
    return Script(seed, KINDS, 1, chosen)


def play_rounds(count: int, first_seed: int | None, *, is_hard: bool) -> int:
    """Play rounds, print and record each. Returns 1 when an invariant was broken; the workers' logs are kept then.

    Without a seed the rounds go on after the last one that is recorded.
    """
    log = records.HARD_LOG if is_hard else records.LOG
    first = first_seed if first_seed is not None else max(records.read(log), default=0) + 1
    folder = Path(tempfile.mkdtemp(prefix="maestro-crash-"))
    folder.chmod(0o755)
    played = []
    with running_servers(folder, on_small_disk=True) as servers:
        asyncio.run(_prepare(servers))
        if servers.disk is None:
            print("No disk can be mounted here: none is ever full.", flush=True)  # noqa: T201 - this is a command
        for seed in range(first, first + count):
            script = hard_script(seed) if is_hard else script_of(seed)
            record = _played(script, servers, folder)
            records.append(record, log)
            played.append(record)
            _report(record)
    records.write_page()
    broken = sum(bool(record.breaches) for record in played)
    if not broken:
        shutil.rmtree(folder)
    worst_s = max(record.worst_resume_s for record in played)
    print(  # noqa: T201 - this is a command
        f"{count} rounds: lost {sum(r.lost for r in played)}, doubled {sum(r.doubled for r in played)},"
        f" stale writes {sum(r.stale for r in played)}, rounds with breaches {broken}, worst resume {worst_s:.1f} s"
        + (f"; logs in {folder}" if broken else "")
    )
    return 1 if broken else 0


async def _prepare(servers: Servers) -> None:
    """Make the tables, and have the log of PostgreSQL leave room on a small disk."""
    await migrate(servers.database_url)
    connection = await asyncpg.connect(servers.superuser_url)
    await connection.execute("alter system set max_wal_size = '256MB'")
    await connection.execute("select pg_reload_conf()")
    await connection.close()


def _played(script: Script, servers: Servers, folder: Path) -> Record:
    began = time.monotonic()
    found, verdict = asyncio.run(play(script, servers, folder))
    if not verdict.faults:
        found.fleet.log.unlink(missing_ok=True)
    return Record.of(script.seed, found.faults, verdict, time.monotonic() - began)


def _report(record: Record) -> None:
    happened = ", ".join(f"{name} {times}" for name, times in record.faults.items())
    ended = ", ".join(f"{status} {times}" for status, times in record.statuses.items())
    line = f"seed {record.seed} ({record.took_s:.0f} s): {ended}; {happened}"
    figures = f"lost {record.lost}, doubled {record.doubled}, worst resume {record.worst_resume_s:.1f} s"
    print(f"{line}; {figures}", flush=True)  # noqa: T201 - this is a command
    for breach in record.breaches:
        print(f"  {breach}", flush=True)  # noqa: T201 - as above
    sys.stdout.flush()
