"""A child that dies comes back, later each time, and says so."""

import sys
from pathlib import Path
from signal import SIGKILL

from scripts.embedded.process import Command
from scripts.supervisor.children import Child, Ending, describe_end


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _child(folder: Path, script: str, clock: Clock) -> Child:
    log = folder / "child.log"
    return Child("worker", log, Command([sys.executable, "-c", script], log, SIGKILL), clock)


def _wait_for_end(child: Child) -> Ending:
    while (ending := child.watch()) is None:
        pass
    return ending


def test_it_is_restarted_with_growing_pauses(tmp_path: Path) -> None:
    clock = Clock()
    child = _child(tmp_path, "print('no'); raise SystemExit(3)", clock)
    child.start()
    pauses = []
    for _ in range(4):
        ending = _wait_for_end(child)
        assert (ending.name, ending.code) == ("worker", 3)
        pauses.append(ending.pause_s)
        assert child.pid is None
        clock.now += ending.pause_s
        child.watch()
    assert pauses == [0.0, 0.25, 0.5, 1.0]
    child.stop(patience_s=5)


def test_it_is_not_started_before_its_pause_is_over(tmp_path: Path) -> None:
    clock = Clock()
    child = _child(tmp_path, "raise SystemExit(1)", clock)
    child.start()
    _wait_for_end(child)
    child.watch()
    ending = _wait_for_end(child)
    clock.now += ending.pause_s - 0.01
    assert child.watch() is None
    assert child.pid is None
    assert child.watch() is None
    child.stop(patience_s=5)


def test_who_ran_for_long_comes_back_at_once(tmp_path: Path) -> None:
    clock = Clock()
    child = _child(tmp_path, "raise SystemExit(1)", clock)
    child.start()
    for _ in range(3):
        clock.now += _wait_for_end(child).pause_s
        child.watch()
    clock.now += 60.0
    assert _wait_for_end(child).pause_s == 0.0
    child.stop(patience_s=5)


def test_stopping_reaps_it_and_its_last_words_are_those_of_its_last_start(tmp_path: Path) -> None:
    (tmp_path / "child.log").write_text("an earlier run\n")
    child = _child(tmp_path, "import time; print('ready', flush=True); time.sleep(60)", Clock())
    child.start()
    while "ready" not in child.last_words():
        pass
    assert child.last_words() == "  ready"
    child.stop(patience_s=5)
    assert child.pid is None
    assert child.watch() is None


def test_ends_are_described_in_words() -> None:
    assert describe_end(-9) == "was killed by SIGKILL"
    assert describe_end(78) == "ended with exit code 78"
