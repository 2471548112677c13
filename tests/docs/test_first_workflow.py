"""The README, followed as a stranger follows it, and the pages after it: every command is run on one started stack."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from sqlalchemy import URL, make_url

from scripts.embedded.environment import of_running_servers
from scripts.embedded.ports import free_port
from scripts.embedded.postgres import SUPERUSER
from tests.docs.documents import ROOT, blocks, pages
from tests.docs.stack import run_blocks, started, stranger

pytestmark = [pytest.mark.processes, pytest.mark.server]
START, *STEPS = blocks(ROOT / "README.md", "sh")
_NOT_HERE: Final = {
    "CONTRIBUTING.md": "asks the package index",
    "federation.md": "asks for rover, or for npm packages",
    "tracing.md": "starts stacks of its own",
}
"""Pages whose blocks are not run on the one stack: tests/supergraph composes, and the first of tracing is run below."""
_LATER: Final = [page for page in pages() if page.name not in {"README.md", *_NOT_HERE} and blocks(page, "sh")]
_STARTING_COMMANDS: Final = {
    "./scripts/run",
    "./scripts/run --once",
    "./scripts/run --no-demo",
    "./scripts/test",
    "./scripts/test --fast",
}


@pytest.fixture(scope="module")
def environment(servers_folder: Path) -> dict[str, str]:
    return stranger(servers_folder)


@pytest.fixture(scope="module")
def stack(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    with started(environment):
        yield environment


def test_the_starting_commands_are_those_that_are_run_here_and_in_the_tests_of_the_supervisor() -> None:
    lines = [line.partition("#")[0].strip() for line in START.text.splitlines()]
    assert set(lines) == _STARTING_COMMANDS


def test_every_later_command_works_in_order_on_one_stack(stack: dict[str, str]) -> None:
    run_blocks(STEPS, stack)


@pytest.mark.parametrize("page", _LATER, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_work_as_they_stand(page: Path, stack: dict[str, str]) -> None:
    told = asyncio.run(_two_databases(stack))
    run_blocks([STEPS[0], *blocks(page, "sh")], told | {"PATH": f"{_postgres_programs()}:{stack['PATH']}"})


async def _two_databases(stack: dict[str, str]) -> dict[str, str]:
    """What an operator knows: the live database and an empty one, as superuser, and the latter as its owner."""
    live = make_url(of_running_servers(stack)["MAESTRO_DATABASE_URL"])
    password = (Path(stack["MAESTRO_DATA_DIR"]) / "postgres" / "superuser.secret").read_text().strip()
    server = live.set(username=SUPERUSER, password=password)
    connection = await asyncpg.connect(_text(server))
    await connection.execute("drop database if exists restored")
    await connection.execute(f"create database restored owner {live.username}")
    await connection.close()
    return stack | {
        "DATABASE": _text(server),
        "RESTORED": _text(server.set(database="restored")),
        "NEW": _text(live.set(database="restored")),
    }


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _postgres_programs() -> Path:
    """Where pg_dump of the embedded server's own release is."""
    return next(Path(sys.prefix).rglob("pg_dump")).parent


def test_once_runs_the_sample_draws_its_trace_and_ends_well(environment: dict[str, str]) -> None:
    elsewhere = {
        **environment,
        "MAESTRO_DATA_DIR": environment["MAESTRO_DATA_DIR"] + "-once",
        "MAESTRO_PORT": str(free_port()),
    }
    done = subprocess.run(
        ["./scripts/run", "--once", "--trace"],
        cwd=ROOT,
        env=elsewhere,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert all(f"{process}  " in done.stdout for process in ("api", "worker", "ledger"))
    assert "POST /graphql" in done.stdout


def test_the_test_command_takes_what_the_readme_says() -> None:
    command = [sys.executable, "-m", "scripts.checks", "--fast", "--help"]  # the script behind ./scripts/test
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "--fast" in done.stdout
