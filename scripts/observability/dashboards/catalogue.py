"""All dashboards."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from scripts.observability.dashboards import (
    human_tasks,
    internals,
    live_executions,
    objectives,
    policy,
    queue_and_workers,
    runtime_red,
    triggers,
)
from scripts.observability.dashboards.model import Board, as_json

BOARDS: Final[tuple[Board, ...]] = (
    runtime_red.BOARD,
    live_executions.BOARD,
    queue_and_workers.BOARD,
    policy.BOARD,
    human_tasks.BOARD,
    triggers.BOARD,
    objectives.BOARD,
    internals.BOARD,
)
DASHBOARDS: Final[Mapping[str, Callable[[], str]]] = {board.name: partial(as_json, board) for board in BOARDS}
