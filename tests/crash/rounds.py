"""Random crash rounds: `python -m tests.crash.rounds N [SEED]`."""

import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from engine.store.migrate import migrate
from tests.crash import playing, workloads
from tests.crash.invariants import Verdict
from tests.crash.playing import Fault, Round, Script, play
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


def main(count: int, first_seed: int) -> int:
    """Play rounds and print each. Returns 1 when an invariant was broken; the workers' logs are kept then."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-crash-"))
    folder.chmod(0o755)
    with running_servers(folder) as servers:
        asyncio.run(migrate(servers.database_url))
        verdicts: list[Verdict] = []
        for seed in range(first_seed, first_seed + count):
            played, verdict = asyncio.run(play(script_of(seed), servers, folder))
            verdicts.append(verdict)
            _report(played, verdict)
    broken = sum(bool(verdict.faults) for verdict in verdicts)
    if not broken:
        shutil.rmtree(folder)
    worst_s = max(verdict.worst_resume_s for verdict in verdicts)
    print(  # noqa: T201 - this is a command
        f"{count} rounds: lost {sum(v.lost for v in verdicts)}, doubled {sum(v.doubled for v in verdicts)},"
        f" rounds with breaches {broken}, worst resume {worst_s:.1f} s" + (f"; logs in {folder}" if broken else "")
    )
    return 1 if broken else 0


def _report(played: Round, verdict: Verdict) -> None:
    happened = ", ".join(f"{name} {times}" for name, times in sorted(played.faults.items()))
    ended = ", ".join(f"{status} {times}" for status, times in sorted(verdict.statuses.items()))
    line = f"seed {played.seed}: {ended}; {happened}; lost {verdict.lost}, doubled {verdict.doubled}"
    print(f"{line}, worst resume {verdict.worst_resume_s:.1f} s", flush=True)  # noqa: T201 - this is a command
    for fault in verdict.faults:
        print(f"  {fault}", flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    seed_given = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    sys.exit(main(wanted, seed_given))
