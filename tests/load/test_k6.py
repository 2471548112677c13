"""The scripts of k6 work against the product as it is: a short time, at a low rate, all beside one another."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from engine.jsonvalue import dumps
from scripts.benchmark.stack import Shape, Stack, running_stack
from scripts.load.loads import LIMITS, LOADS, RAMP
from scripts.load.report import BEGIN, END, write
from scripts.load.running import BINARY, Result, Size, prepare, run

SMALL: Final = Size(duration_s=2, share=0.1, limit_ms=10_000, warming_s=1)
STEADY: Final = [name for name, load in LOADS.items() if not load.is_ramp]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if not BINARY.exists():
        pytest.skip("k6 cannot be had here")
    limits = tmp_path_factory.mktemp("limits") / "limits.yaml"
    limits.write_text(dumps(LIMITS))
    with running_stack(Shape(environment={"MAESTRO_QOS_FILE": str(limits)})) as running:
        yield running


@pytest.mark.processes
@pytest.mark.server
def test_every_script_gets_right_answers_only(stack: Stack, tmp_path: Path) -> None:
    target = prepare(stack)

    def played(name: str) -> Result:
        return run(name, stack, target, SMALL, tmp_path)

    with ThreadPoolExecutor(len(STEADY)) as pool:
        results = list(pool.map(played, STEADY))

    assert [(each.load.name, each.failed) for each in results if each.failed or not each.is_kept] == []
    # Where k6 itself has to wait for a core, its time is over before it has made every call.
    assert all(each.requests >= each.rate * SMALL.duration_s / 2 for each in results)


@pytest.mark.processes
@pytest.mark.server
def test_a_promise_that_cannot_be_kept_is_broken(stack: Stack, tmp_path: Path) -> None:
    result = run("enqueue", stack, prepare(stack), replace(SMALL, limit_ms=0), tmp_path)
    assert not result.is_kept


def test_the_table_takes_its_place_and_no_other(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    result = Result(LOADS["ramp"], RAMP[1], 20, 12_345, 0.0123, (1.0, 23.45, 30.0), is_kept=True)

    write(page, [result], busy=False)

    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\nMeasured on ")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "| 400/s for 20 s | 12,345 | 1.23% | 1.0 ms | 23.4 ms | 30.0 ms | yes |" in text
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no place for loads"):
        write(page, [result], busy=False)
