"""The tables of allowed moves and the diagrams of `docs/states.md` are the same."""

import re
from enum import StrEnum
from pathlib import Path

from engine.runtime.states import EXECUTION_MOVES, FINAL_EXECUTION, FINAL_STEP, STEP_MOVES, ExecutionStatus, StepStatus

DOCS = Path(__file__).parents[2] / "docs" / "states.md"


def drawn(heading: str) -> set[tuple[str, str]]:
    section = DOCS.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^ +(\w+) --> (\w+):", section, re.MULTILINE))


def table(
    moves: dict[StepStatus, frozenset[StepStatus]] | dict[ExecutionStatus, frozenset[ExecutionStatus]],
) -> set[tuple[str, str]]:
    pairs: list[tuple[StrEnum, StrEnum]] = [(source, target) for source, targets in moves.items() for target in targets]
    return {(str(source), str(target)) for source, target in pairs}


def test_the_execution_diagram_is_the_table() -> None:
    assert drawn("Execution") == table(EXECUTION_MOVES)


def test_the_step_diagram_is_the_table() -> None:
    assert drawn("Step") == table(STEP_MOVES)


def test_every_state_is_in_its_table_and_final_ones_are_left_by_a_retry_only() -> None:
    assert set(STEP_MOVES) == set(StepStatus)
    assert set(EXECUTION_MOVES) == set(ExecutionStatus)
    assert {state for state, to in STEP_MOVES.items() if to == {StepStatus.PENDING}} == FINAL_STEP
    assert {state for state, to in EXECUTION_MOVES.items() if to == {ExecutionStatus.RUNNING}} == FINAL_EXECUTION
