"""Figures of benchmarks: how they get into the document, and how finished stages are kept."""

from pathlib import Path

import pytest

from scripts.benchmark.bench import Bench
from scripts.benchmark.figures import BEGIN, END, HIGHER, Figure, unmeasured, write_markdown
from scripts.benchmark.stack import Shape
from scripts.benchmark.stages import Stage, measured

MET = Figure("chain", 1.2, "s", 1.5, rounds=(1.1, 1.2, 1.4), note="short | quick")
MISSED = Figure("rate", 572.0, "1/s", 1000.0, HIGHER, 2000.0)
BROKEN = unmeasured("ratio", "ratio", "the peer cannot run here")


def test_the_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write_markdown(document, {"commits_per_s": 2000}, (MET, MISSED, BROKEN), quick=False, busy=True)

    text = document.read_text()
    assert text.startswith(f"before\n{BEGIN}\nMeasured on ")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "others used the same cores" in text
    assert "| `chain` | 1.2 s | <= 1.5 | yes |  | 1.1 1.2 1.4 | short / quick |" in text
    assert "| `rate` | 572 1/s | >= 1000 | **no** | 2,000 |  |  |" in text
    assert "| `ratio` | none |  |  |  |  | the peer cannot run here |" in text


def test_a_document_without_a_place_for_figures_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "other.md"
    document.write_text("text")

    with pytest.raises(ValueError, match="no place for figures"):
        write_markdown(document, {}, (MET,), quick=False, busy=False)

    assert document.read_text() == "text"


async def _never(_bench: Bench) -> list[Figure]:
    raise AssertionError("measured through its stage only")


def test_a_finished_stage_is_not_measured_again(tmp_path: Path) -> None:
    kept = tmp_path / "folder" / "stages.jsonl"
    stages = [Stage("one", Shape(), _never), Stage("two", Shape(), _never)]
    asked: list[str] = []

    def measure(stage: Stage) -> list[Figure]:
        asked.append(stage.name)
        if stage.name == "two" and len(asked) == 2:
            raise KeyboardInterrupt
        return [MET]

    with pytest.raises(KeyboardInterrupt):
        measured(stages, measure, kept, lambda _text: None)
    figures = measured(stages, measure, kept, lambda _text: None)

    assert asked == ["one", "two", "two"]
    assert figures == [MET.named("one_chain"), MET.named("two_chain")]
