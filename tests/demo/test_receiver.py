"""The receiver honours keys, and its log tells effects from repetitions."""

from collections import Counter
from pathlib import Path

from scripts.demo.effects import effects_of
from scripts.demo.receiver import Effects


def test_a_key_has_one_effect_however_often_it_comes(tmp_path: Path) -> None:
    log = tmp_path / "receiver.jsonl"
    effects = Effects(log)
    assert effects.receive("/a", "x:one:-:1", {"n": 1}) == (1, True)
    assert effects.is_first_of_its_execution("x:one:-:1")
    assert effects.receive("/a", "x:one:-:1", {"n": 1}) == (1, False)
    assert effects.receive("/b", "x:two:-:1", None) == (2, True)
    assert not effects.is_first_of_its_execution("x:two:-:1")
    found = effects_of(log, "x")
    assert found.requests == Counter({"x:one:-:1": 2, "x:two:-:1": 1})
    assert found.effects == Counter({"x:one:-:1": 1, "x:two:-:1": 1})
    assert found.once_each


def test_a_restarted_receiver_remembers_what_was_done(tmp_path: Path) -> None:
    log = tmp_path / "receiver.jsonl"
    Effects(log).receive("/a", "x:one:-:1", None)
    again = Effects(log)
    assert again.receive("/a", "x:one:-:1", None) == (1, False)
    assert again.receive("/a", "y:one:-:1", None) == (2, True)
    assert effects_of(log, "y").requests == Counter({"y:one:-:1": 1})


def test_two_effects_or_none_are_noticed(tmp_path: Path) -> None:
    log = tmp_path / "receiver.jsonl"
    assert not effects_of(log, "x").once_each
    line = '{"path":"/a","key":"x:one:-:1","effect":true,"body":null}\n'
    log.write_text(line + line)
    assert not effects_of(log, "x").once_each
