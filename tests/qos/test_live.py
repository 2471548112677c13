"""Limits that change while the process runs."""

from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from engine.qos.live import LiveQos


def write(path: Path, text: str) -> None:
    path.write_text(text)


def test_a_changed_file_is_in_force_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "qos.yaml"
    write(path, "classes: {team: {weight: 3}}")
    live = LiveQos(path)
    assert not live.look_again()

    write(path, "classes: {team: {weight: 12}}")

    assert live.look_again()
    assert live.current.weights["team"] == 12


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("classes: {team: {weight: 0}}", "classes.team.weight"),
        ("classes: {gold: {weight: 1}}", "gold"),
        ("tenants: {acme: gold}", "tenants.acme"),
        ("classes: [", "is not YAML"),
    ],
)
def test_a_bad_file_keeps_the_old_one_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, why: str
) -> None:
    path = tmp_path / "qos.yaml"
    write(path, "classes: {team: {weight: 3}}")
    live = LiveQos(path)

    write(path, text)

    assert not live.look_again()
    assert live.current.weights["team"] == 3
    assert why in (live.fault or "")
    assert why in caplog.text
    write(path, "classes: {team: {weight: 4}} ")
    assert live.look_again()
    assert live.fault is None


def test_a_bad_file_stops_the_boot(tmp_path: Path) -> None:
    path = tmp_path / "qos.yaml"
    write(path, "classes: 7")

    with pytest.raises(ConfigurationError, match="classes"):
        LiveQos(path)
