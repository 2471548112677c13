"""`./scripts/run` as a process: what it starts, it stops, whatever ends it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from scripts.embedded.environment import of_running_servers
from scripts.embedded.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.processes, pytest.mark.server]
PATIENCE_S = 120


@dataclass
class Command:
    """A started command and what it has said so far."""

    process: subprocess.Popen[str]
    said: list[str]

    def wait_for(self, words: str) -> str:
        """The line that holds these words; fails when the command ends without saying them."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if words in line:
                return line
        pytest.fail(f"It ended without saying {words!r}:\n{''.join(self.said)}")

    def family(self) -> list[psutil.Process]:
        return [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]


@pytest.fixture
def environment(servers_folder: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAESTRO_")}
    folder = servers_folder / request.node.name[:40]
    return {**kept, "MAESTRO_DATA_DIR": str(folder), "MAESTRO_PORT": str(free_port())}


@contextmanager
def _command(environment: dict[str, str], *arguments: str) -> Iterator[Command]:
    with subprocess.Popen(
        [sys.executable, "-m", "scripts.supervisor", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Command(process, [])
        finally:
            process.kill()


def _command_line(process: psutil.Process) -> list[str]:
    """Empty when it has ended: PostgreSQL's own processes come and go."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _all_gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE_S)
    return not any(map(_is_alive, alive))


def test_after_kill_9_nothing_is_left_and_the_next_start_goes_on(environment: dict[str, str]) -> None:
    with _command(environment, "--no-demo") as command:
        command.wait_for("Serving until Ctrl-C.")
        family = command.family()
        names = " ".join(" ".join(_command_line(each)) for each in family)
        assert "maestro worker" in names
        assert "maestro api" in names
        assert "/postgres -D" in names
        command.process.kill()
        command.process.wait()
        assert _all_gone(family)

    with _command(environment, "--no-demo") as command:
        command.wait_for("Serving until Ctrl-C.")
        family = command.family()
        command.process.send_signal(signal.SIGINT)
        assert command.process.wait(PATIENCE_S) == 0
        assert _all_gone(family)


def test_a_killed_worker_is_started_again_and_it_is_said(environment: dict[str, str]) -> None:
    with _command(environment, "--no-demo") as command:
        command.wait_for("Serving until Ctrl-C.")
        (worker,) = [each for each in command.family() if _command_line(each)[-1:] == ["worker"]]
        worker.kill()
        assert "was killed by SIGKILL" in command.wait_for("worker: was")
        again = int(command.wait_for("worker: started again").rsplit(maxsplit=1)[-1])
        assert psutil.Process(again).cmdline()[-1] == "worker"
        command.process.send_signal(signal.SIGTERM)
        assert command.process.wait(PATIENCE_S) == 0


async def test_a_database_of_a_newer_version_is_refused(environment: dict[str, str]) -> None:
    with _command(environment, "--no-demo") as command:
        command.wait_for("Serving until Ctrl-C.")
        found = of_running_servers(environment)
        async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
            assert (await client.get(found["MAESTRO_LEDGER_URL"] + "/readyz")).status_code == 200
        connection = await asyncpg.connect(found["MAESTRO_DATABASE_URL"])
        await connection.execute("update alembic_version set version_num = 'from_the_future'")
        await connection.close()
        command.process.send_signal(signal.SIGINT)
        assert command.process.wait(PATIENCE_S) == 0

    with _command(environment, "--no-demo") as command:
        assert "newer version (from_the_future)" in command.wait_for("error:")
        assert command.process.wait(PATIENCE_S) == 78
        assert not {"MAESTRO_DATABASE_URL", "MAESTRO_LEDGER_URL"} & set(of_running_servers(environment))


def test_a_second_run_on_the_same_folder_and_a_port_in_use_are_refused(environment: dict[str, str]) -> None:
    with _command(environment, "--no-demo") as first:
        first.wait_for("Serving until Ctrl-C.")
        with _command(environment, "--no-demo") as second:
            assert f"process {first.process.pid}" in second.wait_for("error: Another run")
            assert second.process.wait(PATIENCE_S) == 78
        elsewhere = {**environment, "MAESTRO_DATA_DIR": environment["MAESTRO_DATA_DIR"] + "-other"}
        with _command(elsewhere, "--no-demo") as third:
            assert environment["MAESTRO_PORT"] in third.wait_for("is in use by another program")
            assert third.process.wait(PATIENCE_S) == 78
        assert first.process.poll() is None
