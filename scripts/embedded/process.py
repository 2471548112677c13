"""Start a child that cannot outlive us, and stop what an earlier run left behind."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from scripts.embedded.account import Account

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Command:
    """What to start.

    Attributes:
        arguments: the whole command line, program first.
        log: file that gets standard output and error, appended to; `None`: they stay ours.
        death_signal: what the kernel sends the child when we die, however we die (Linux).
        account: who the child runs as; `None`: as ourselves.
        environment: the whole environment; `None`: ours.
        folder: working folder of the child.
    """

    arguments: Sequence[str | Path]
    log: Path | None
    death_signal: signal.Signals
    account: Account | None = None
    environment: Mapping[str, str] | None = None
    folder: Path = Path("/")


def spawn(command: Command, *, stdin: bytes = b"") -> subprocess.Popen[bytes]:
    """Start the command in a process group of its own, tied to our life.

    The kernel ties a child to the *thread* that started it: call this from a thread that lives as long as we do.
    """
    with ExitStack() as files:
        log = files.enter_context(command.log.open("ab")) if command.log is not None else None
        child = subprocess.Popen(
            [str(argument) for argument in command.arguments],
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT if log is not None else None,
            cwd=command.folder,
            env=command.environment,
            process_group=0,
            preexec_fn=_tether(command.death_signal),  # noqa: PLW1509  setuid clears PDEATHSIG: it is set between fork and exec
            user=command.account.uid if command.account else None,
            group=command.account.gid if command.account else None,
            extra_groups=[] if command.account else None,
        )
    if stdin and child.stdin is not None:
        with child.stdin as pipe:
            pipe.write(stdin)
    return child


def _tether(death_signal: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return tie


def stop(child: subprocess.Popen[bytes], ask: signal.Signals, *, patience_s: float) -> None:
    """Ask the child to end, wait, and end it by force after `patience_s`. It is reaped in every case."""
    if child.poll() is None:
        child.send_signal(ask)
    wait_or_kill(child, patience_s=patience_s)


def wait_or_kill(child: subprocess.Popen[bytes], *, patience_s: float) -> None:
    """Wait for a child that was asked to end, and end it by force after `patience_s`. It is reaped in every case."""
    try:
        child.wait(patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def stop_leftovers(data: Path, ask: signal.Signals, *, patience_s: float) -> int:
    """Stop processes of an earlier, killed run that still work in `data`, and say how many there were.

    They are known by their working folder, not by a recorded process id, which may belong to somebody else by now.
    """
    found = working_in(data)
    for pid in found:
        _send(pid, ask)
    deadline = time.monotonic() + patience_s
    while (left := working_in(data)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    for pid in left:
        _send(pid, signal.SIGKILL)
    while working_in(data) and time.monotonic() < deadline + patience_s:
        time.sleep(_POLL_S)
    return len(found)


def working_in(data: Path) -> list[int]:
    """Ids of the processes whose working folder is `data`, as far as we may look (Linux; elsewhere none)."""
    target = str(data.resolve())
    processes = (entry for entry in Path("/proc").glob("[0-9]*")) if sys.platform.startswith("linux") else ()
    return [int(entry.name) for entry in processes if _working_folder(entry) == target]


def _working_folder(process: Path) -> str | None:
    try:
        return str((process / "cwd").readlink())
    except OSError:  # gone meanwhile, a zombie, or not ours to look at
        return None


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
