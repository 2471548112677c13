"""`maestro doctor` against real servers: well where all is well, and one injected fault after the other named."""

import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from engine.clock import SystemClock
from engine.store.server_facts import ServerFacts, server_facts
from scripts.cli.main import main
from scripts.doctor import examination
from scripts.doctor.findings import Finding, Health
from tests.clock import FakeClock

Environment = dict[str, str]
_NOBODY = "127.0.0.1:1"


@pytest.fixture
def environment(database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setattr(examination, "server_facts", _durable)
    return {
        "MAESTRO_DATABASE_URL": database_url,
        "MAESTRO_REDIS_URL": redis_url,
        "MAESTRO_DATA_DIR": str(tmp_path),
        "MAESTRO_JWT_SECRET": "s" * 40,
        "MAESTRO_ENCRYPTION_KEY": secrets.token_urlsafe(32),
    }


async def _durable(url: str) -> ServerFacts:
    """Clusters of tests run without fsync, which the doctor is to find elsewhere."""
    return replace(await server_facts(url), is_durable=True)


def _broken(findings: tuple[Finding, ...]) -> dict[str, str]:
    return {one.code: one.message for one in findings if one.health in (Health.FAILED, Health.WARNING)}


def _file(environment: Environment, name: str, text: str) -> str:
    path = Path(environment["MAESTRO_DATA_DIR"]) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_where_all_is_well_it_says_so(environment: Environment) -> None:
    findings = asyncio.run(examination.examine(environment))
    assert _broken(findings) == {}
    assert [one.subject for one in findings] == ["settings", "database", "clock", "redis", "policy", "ledger"]


FAULTS: list[tuple[str, str, Callable[[Environment], Environment]]] = [
    ("settings.invalid", "MAESTRO_DATABASE_URL is not set", lambda _: {"MAESTRO_DATABASE_URL": ""}),
    ("settings.invalid", "MAESTRO_PORT is not a whole number", lambda _: {"MAESTRO_PORT": "many"}),
    ("settings.no_token_keys", "nobody can call", lambda _: {"MAESTRO_JWT_SECRET": ""}),
    ("settings.no_encryption_key", "cannot be stored", lambda _: {"MAESTRO_ENCRYPTION_KEY": ""}),
    ("settings.qos_file", "is not YAML", lambda it: {"MAESTRO_QOS_FILE": _file(it, "qos.yaml", "{")}),
    ("database.unreachable", "does not answer", lambda _: {"MAESTRO_DATABASE_URL": f"postgresql://{_NOBODY}/x"}),
    ("redis.unreachable", "does not answer", lambda _: {"MAESTRO_REDIS_URL": f"redis://{_NOBODY}"}),
    (
        "policy.bundle",
        "bundle",
        lambda it: {"MAESTRO_POLICY_BUNDLE": str(Path(_file(it, "bundle/a.rego", "package")).parent)},
    ),
    ("policy.unreachable", "not ready", lambda _: {"MAESTRO_OPA_URL": f"http://{_NOBODY}"}),
    (
        "ledger.unreachable",
        "does not answer",
        lambda _: {"MAESTRO_LEDGER_URL": f"http://{_NOBODY}", "MAESTRO_LEDGER_TOKEN": "t" * 40},
    ),
]


@pytest.mark.parametrize(("code", "words", "fault"), FAULTS, ids=lambda each: each if isinstance(each, str) else "")
def test_an_injected_fault_is_named_alone(
    environment: Environment, code: str, words: str, fault: Callable[[Environment], Environment]
) -> None:
    found = _broken(asyncio.run(examination.examine(environment | fault(environment))))
    assert list(found) == [code]
    assert words in found[code]


def test_a_clock_that_is_off_is_named(environment: Environment) -> None:
    clock = FakeClock(SystemClock().now() - timedelta(seconds=90))
    found = _broken(asyncio.run(examination.examine(environment, clock)))
    assert list(found) == ["clock.skewed"]
    assert "behind the database" in found["clock.skewed"]


def test_a_server_that_may_lose_commits_is_named(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "server_facts", server_facts)
    assert list(_broken(asyncio.run(examination.examine(environment)))) == ["database.not_durable"]


def test_a_database_that_was_not_migrated_is_named(environment: Environment, empty_database_url: str) -> None:
    changed = environment | {"MAESTRO_DATABASE_URL": empty_database_url}
    assert list(_broken(asyncio.run(examination.examine(changed)))) == ["database.version"]


def test_a_database_of_a_newer_program_is_named(environment: Environment, empty_database_url: str) -> None:
    asyncio.run(_of_version(empty_database_url, "9999"))
    found = _broken(asyncio.run(examination.examine(environment | {"MAESTRO_DATABASE_URL": empty_database_url})))
    assert "newer version (9999)" in found["database.version"]


async def _of_version(url: str, version: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("create table alembic_version (version_num text)")
    await connection.execute("insert into alembic_version values ($1)", version)
    await connection.close()


def test_the_command_ends_with_one_on_faults_and_zero_without(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    well = CliRunner().invoke(main, ["doctor", "--json"])
    assert (well.exit_code, {one["health"] for one in json.loads(well.stdout)}) == (0, {"ok", "skipped"})
    monkeypatch.setenv("MAESTRO_REDIS_URL", f"redis://{_NOBODY}")
    ill = CliRunner().invoke(main, ["doctor"])
    assert ill.exit_code == 1
    assert "(redis.unreachable)" in ill.stdout
