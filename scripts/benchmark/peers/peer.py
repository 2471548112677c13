"""What running another system takes: a place for its packages, its processes, their end."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PLACE = HERE.parents[2] / ".bench"
"""Outside of what is committed: environments of the peers."""

_STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a peer has done, a value a round.

    Attributes:
        steps_per_s: W1.
        cpu_s_per_1000_steps: W1, all of its processes without the caller's.
        latencies_ms: W2, p50 and p99 by calls a second; from the instant at which each call was due.
        wide_s: W3.
        long_s: W4.
    """

    steps_per_s: Sequence[float]
    cpu_s_per_1000_steps: Sequence[float]
    latencies_ms: Mapping[int, Sequence[tuple[float, float]]]
    wide_s: Sequence[float]
    long_s: Sequence[float]


class PeerError(Exception):
    """The peer cannot run here; the message says why."""


def must(command: Sequence[str | Path], what: str, folder: Path | None = None) -> None:
    """Run a command that sets something up.

    Raises:
        PeerError: it failed, with its last line.
    """
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise PeerError(f"{what}: {error}") from error
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise PeerError(f"{what}: {last[0][:200]}")


@contextmanager
def running(
    command: Sequence[str | Path], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the peer, stopped on leaving."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=dict(environment), stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
