"""DBOS Transact: W1 over one queue with two worker processes; the rest without a queue, which is its fastest way."""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from scripts.benchmark.peers.peer import HERE, PLACE, Measured, PeerError, must
from scripts.embedded.postgres import EmbeddedPostgres, PostgresConfig

EXECUTIONS, QUICK_EXECUTIONS = 500, 150
ROUNDS, QUICK_ROUNDS = 3, 2


def measure(*, quick: bool, say: Callable[[str], None]) -> Measured:
    """All workloads.

    Raises:
        PeerError: it cannot be installed or does not run.
    """
    python = _environment(say)
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="maestro-bench-")))
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(PostgresConfig(folder / "postgres", durable=True))
        undo.callback(postgres.stop)
        postgres.start()
        result = folder / "result.json"
        sizes = (QUICK_EXECUTIONS, QUICK_ROUNDS) if quick else (EXECUTIONS, ROUNDS)
        base = postgres.superuser_url.rsplit("/", 1)[0]
        program, server = HERE / "dbos_program.py", str(postgres.pid)
        must([python, program, "drive", base, str(sizes[0]), str(sizes[1]), server, result], "DBOS")
        queue = _read(result)
        direct: Any = {"latencies_ms": {}, "wide_s": [], "long_s": []}
        try:
            must([python, program, "direct", base, str(sizes[1]), result], "DBOS without a queue")
            direct = _read(result)
        except PeerError as error:  # throughput stands by itself
            say(f"   {error}")
    return Measured(
        queue["steps_per_s"],
        queue["cpu_s_per_1000_steps"],
        {int(rate): [(p50, p99) for p50, p99 in found] for rate, found in direct["latencies_ms"].items()},
        direct["wide_s"],
        direct["long_s"],
    )


def _read(result: Path) -> Any:
    try:
        return json.loads(result.read_text())
    except (OSError, ValueError) as error:
        raise PeerError(f"DBOS gave no result: {error}") from error


def _environment(say: Callable[[str], None]) -> Path:
    folder, lock = PLACE / "dbos", HERE / "dbos.lock"
    python = folder / "bin" / "python"
    stamp = folder / "stamp"
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return python
    say("   installing DBOS in an environment of its own")
    uv = next(
        (path for path in (HERE.parents[2] / ".tools/bin/uv", Path(sys.executable).with_name("uv")) if path.exists()),
        None,
    )
    if uv is None:
        raise PeerError("uv was not found")
    must(
        [uv, "venv", "--quiet", "--no-project", "--python", os.path.realpath(sys.executable), folder],
        "DBOS environment",
    )
    must([uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock], "DBOS packages")
    stamp.write_text(lock.read_text())
    return python
