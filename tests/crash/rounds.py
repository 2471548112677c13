"""Random crash rounds: `python -m tests.crash.rounds N [SEED]`."""

import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from engine.store.migrate import migrate
from tests.crash import playing, records, workloads
from tests.crash.playing import Fault, Script, play
from tests.crash.records import Record
from tests.crash.servers import running_servers

KINDS = (workloads.ten_steps, workloads.careful, workloads.wide, workloads.patient, workloads.looping)
FAULTS: dict[Fault, int] = {
    playing.kill_worker: 10,
    playing.crash_at_a_point: 8,
    playing.kill_all: 1,
    playing.flush_redis: 2,
    playing.restart_redis: 1,
    playing.crash_postgres: 1,
    playing.freeze_worker: 1,
    playing.lose_replies: 2,
}
"""What may happen, and how often in relation to the rest."""


def script_of(seed: int, *, size: int = 2, faults: int = 4) -> Script:
    """The round of a seed."""
    chance = random.Random(-seed)  # noqa: S311 - a round must be repeatable
    return Script(seed, KINDS, size, chance.choices(list(FAULTS), weights=list(FAULTS.values()), k=faults))


def main(count: int, first_seed: int | None) -> int:
    """Play rounds, print and record each. Returns 1 when an invariant was broken; the workers' logs are kept then.

    Without a seed the rounds go on after the last one that is recorded.
    """
    known = records.read()
    first = first_seed if first_seed is not None else max(known, default=0) + 1
    folder = Path(tempfile.mkdtemp(prefix="maestro-crash-"))
    folder.chmod(0o755)
    played = []
    with running_servers(folder) as servers:
        asyncio.run(migrate(servers.database_url))
        for seed in range(first, first + count):
            found, verdict = asyncio.run(play(script_of(seed), servers, folder))
            record = Record.of(seed, found.faults, verdict)
            records.append(record)
            played.append(record)
            _report(record)
    records.PAGE.write_text(records.page_of(records.read().values()), encoding="utf-8")
    broken = sum(bool(record.breaches) for record in played)
    if not broken:
        shutil.rmtree(folder)
    worst_s = max(record.worst_resume_s for record in played)
    print(  # noqa: T201 - this is a command
        f"{count} rounds: lost {sum(r.lost for r in played)}, doubled {sum(r.doubled for r in played)},"
        f" rounds with breaches {broken}, worst resume {worst_s:.1f} s" + (f"; logs in {folder}" if broken else "")
    )
    return 1 if broken else 0


def _report(record: Record) -> None:
    happened = ", ".join(f"{name} {times}" for name, times in record.faults.items())
    ended = ", ".join(f"{status} {times}" for status, times in record.statuses.items())
    line = f"seed {record.seed}: {ended}; {happened}; lost {record.lost}, doubled {record.doubled}"
    print(f"{line}, worst resume {record.worst_resume_s:.1f} s", flush=True)  # noqa: T201 - this is a command
    for breach in record.breaches:
        print(f"  {breach}", flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    sys.exit(main(wanted, int(sys.argv[2]) if len(sys.argv) > 2 else None))
