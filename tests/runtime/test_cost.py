"""What advancing costs, counted in calls rather than time: the same at the last step as at the first."""

import gc
import sys
from types import FrameType

from engine.runtime.advance import advance
from engine.runtime.effects import RunAction
from engine.runtime.events import ActionSucceeded, Started
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionState
from engine.runtime.states import ExecutionStatus
from tests.runtime.documents import action, parallel, plan_of
from tests.runtime.driver import T0, header


def calls_per_outcome(plan: Plan) -> list[int]:
    """Calls, of Python and of C functions, that each outcome costs, in the order in which steps started."""
    state = ExecutionState.new(header())
    waiting = list(advance(plan, state, Started(), T0, lambda: 0.5).effects)
    costs: list[int] = []
    while waiting:
        run = waiting.pop(0)
        if not isinstance(run, RunAction):
            continue
        count = 0

        def counted(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        gc.disable()  # callbacks of a collection would be counted too
        sys.setprofile(counted)
        try:
            advanced = advance(plan, state, ActionSucceeded(run.key, run.generation, run.attempt, {}), T0, lambda: 0.5)
        finally:
            sys.setprofile(None)
            gc.enable()
        costs.append(count)
        waiting.extend(advanced.effects)
    assert state.status is ExecutionStatus.COMPLETED
    return costs


def test_the_last_of_1000_steps_costs_what_the_first_does() -> None:
    steps = [action(f"s{i}", *([f"s{i + 1}"] if i < 999 else [])) for i in range(1_000)]
    costs = calls_per_outcome(plan_of(*steps))
    assert len(set(costs[:-1])) == 1
    assert costs[0] < 60


def test_each_of_200_branches_costs_the_same_until_the_last_one_joins() -> None:
    branches = [action(f"b{i}", "join") for i in range(200)]
    costs = calls_per_outcome(
        plan_of(parallel("p", *(f"b{i}" for i in range(200))), *branches, action("join", join="all"))
    )
    assert len(set(costs[1:199])) == 1
    assert costs[199] < 60
