"""The command line against the servers of the session."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scripts.cli.main import main

Maestro = Callable[..., Result]


@pytest.fixture
def maestro(database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maestro:
    monkeypatch.setenv("MAESTRO_DATABASE_URL", database_url)
    monkeypatch.setenv("MAESTRO_REDIS_URL", redis_url)
    monkeypatch.setenv("MAESTRO_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("engine.store.database.Database.check_durability", _durable_enough)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


async def _durable_enough(_: object) -> None:
    """Clusters of tests run without fsync, which the product refuses."""
