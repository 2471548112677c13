"""What stops a server is said in words that name the cure."""

from pathlib import Path
from typing import NamedTuple

import pytest

from engine.errors import ConfigurationError
from scripts.embedded.failures import PortTaken, explain_death, require_space


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free", "is_refused"), [(200 * 1024 * 1024 - 1, True), (200 * 1024 * 1024, False)])
def test_a_disk_that_is_nearly_full_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, free: int, is_refused: bool
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**12, 0, free))
    if not is_refused:
        require_space(tmp_path)
        return
    with pytest.raises(ConfigurationError, match="MAESTRO_DATA_DIR to another disk") as caught:
        require_space(tmp_path)
    assert caught.value.code == "embedded.disk_full"


def test_only_what_the_server_said_in_this_start_counts(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("No space left on device\n")
    offset = log.stat().st_size
    with log.open("a") as file:
        file.write('could not bind IPv4 address "127.0.0.1": Address already in use\n')
    assert isinstance(explain_death("PostgreSQL", log, offset), PortTaken)
    log.write_text("FATAL: could not write: No space left on device\n")
    error = explain_death("PostgreSQL", log, 0)
    assert isinstance(error, ConfigurationError)
    assert error.code == "embedded.disk_full"
    log.write_text("".join(f"line {number}\n" for number in range(20)))
    other = explain_death("PostgreSQL", log, 0)
    assert isinstance(other, ConfigurationError)
    assert other.message.splitlines()[1:] == [f"  line {number}" for number in range(12, 20)]
