"""Figures of benchmarks: how they get into the document, and how finished stages are kept."""

import json
from pathlib import Path

import pytest

from scripts.benchmark.bench import Bench
from scripts.benchmark.figures import HIGHER, Figure, unmeasured
from scripts.benchmark.reports import TABLE, begin, end, write_json, write_markdown
from scripts.benchmark.stack import Shape
from scripts.benchmark.stages import Stage, measured

MET = Figure("chain", 1.2, "s", 1.5, rounds=(1.1, 1.2, 1.4), note="short | quick")
MISSED = Figure("rate", 572.0, "1/s", 1000.0, HIGHER, 2000.0)
BROKEN = unmeasured("ratio", "ratio", "the peer cannot run here")
LONG = Figure("soak_30_min_worker_rss", 120.0, "MiB")


def test_the_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    soak = f"{begin('soak')}\nkept\n{end('soak')}\n"
    document.write_text(f"before\n{begin(TABLE)}\nold\n{end(TABLE)}\nafter\n{soak}")

    write_markdown(document, TABLE, {"commits_per_s": 2000}, (MET, MISSED, BROKEN), quick=False, busy=True)

    text = document.read_text()
    assert text.startswith(f"before\n{begin(TABLE)}\nMeasured on ")
    assert text.endswith(f"{end(TABLE)}\nafter\n{soak}")
    assert "old" not in text
    assert "| `rate` | 572 | 1000 | not found yet |" in text
    assert "| `chain` | 1.2 | 1.5 |" not in text
    assert "others used the same cores" in text
    assert "| `chain` | 1.2 s | <= 1.5 | yes |  | 1.1 1.2 1.4 | short / quick |" in text
    assert "| `rate` | 572 1/s | >= 1000 | **no** | 2,000 |  |  |" in text
    assert "| `ratio` | none |  |  |  |  | the peer cannot run here |" in text


def test_a_document_without_a_place_for_figures_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "other.md"
    document.write_text("text")

    with pytest.raises(ValueError, match="no place for figures"):
        write_markdown(document, "soak", {}, (MET,), quick=False, busy=False)

    assert document.read_text() == "text"


async def _never(_bench: Bench) -> list[Figure]:
    raise AssertionError("measured through its stage only")


def test_a_finished_stage_is_not_measured_again(tmp_path: Path) -> None:
    kept = tmp_path / "folder" / "stages.jsonl"
    stages = [Stage("scale", "one", Shape(), _never), Stage("soak", "two", Shape(), _never)]
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
    assert figures == {"scale": [MET.named("one_chain")], "soak": [MET.named("two_chain")]}


def test_long_runs_and_the_table_leave_each_other_s_figures_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "performance.json"

    def names() -> list[str]:
        return [figure["name"] for figure in json.loads(file.read_text())["figures"]]

    write_json(file, {"batched_rows_per_s": 10}, (MET, BROKEN), is_table=True)
    write_json(file, {"batched_rows_per_s": 20}, (LONG,), is_table=False)
    assert names() == ["chain", "ratio", LONG.name]
    assert json.loads(file.read_text())["machine"]["limits"] == {"batched_rows_per_s": 10}

    write_json(file, {"batched_rows_per_s": 30}, (MISSED,), is_table=True)
    assert names() == ["rate", LONG.name]
