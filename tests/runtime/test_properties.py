"""Properties of the core over random workflows, schedules and crash points; Hypothesis shrinks what it finds."""

from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.runtime.events import RetryAsked
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus
from tests.runtime.simulation.replay import drawn
from tests.runtime.simulation.rules import check_ends_alike, check_records
from tests.runtime.simulation.world import World

RANDOMS = st.randoms(use_true_random=True)
SLOWLY = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow]
)


@SLOWLY
@given(RANDOMS, st.integers(0, 5), st.integers(0, 2))
def test_any_crash_points_end_as_a_run_without_crashes(random: Random, crashes: int, pauses: int) -> None:
    plan, script = drawn(random, policy="continue", may_fail=True)
    calm = World(plan, replace(script), random).run()
    stormy = World(plan, replace(script, crashes=crashes, pauses=pauses), random).run()
    check_records(calm)
    check_records(stormy)
    check_ends_alike(stormy, calm)
    assert calm.state.status is ExecutionStatus.COMPLETED


@SLOWLY
@given(RANDOMS, st.integers(0, 3))
def test_a_failure_that_stops_leaves_nothing_behind(random: Random, crashes: int) -> None:
    plan, script = drawn(random, policy="stop", may_fail=True)
    world = World(plan, replace(script, crashes=crashes), random).run()
    check_records(world)
    if world.state.status is ExecutionStatus.FAILED:
        assert world.state.failure is not None
        assert world.state.failed_steps


@SLOWLY
@given(RANDOMS, st.integers(0, 2), st.booleans())
def test_a_retry_after_a_failure_completes_and_keeps_what_completed(
    random: Random,
    crashes: int,
    restart: bool,  # noqa: FBT001 - drawn
) -> None:
    plan, script = drawn(random, policy="stop", may_fail=True)
    world = World(plan, replace(script, crashes=crashes), random).run()
    if not world.state.failed_steps:
        return
    kept = {k: s.seq for k, s in world.state.steps.items() if s.status is StepStatus.COMPLETED}
    world.retry(RetryAsked("ada", restart_successful=restart))
    check_records(world)
    assert world.state.status is ExecutionStatus.COMPLETED
    assert not world.state.failed_steps
    if not restart:
        loops = {key for key in kept if plan.by_path[key.path].body is not None}
        assert {k: world.state.steps[k].seq for k in kept.keys() - loops} == {k: kept[k] for k in kept.keys() - loops}


@SLOWLY
@given(RANDOMS, st.data())
def test_a_retry_from_any_step_completes_and_runs_that_step_again(random: Random, data: st.DataObject) -> None:
    plan, script = drawn(random, policy="continue", may_fail=True)
    world = World(plan, script, random).run()
    path = data.draw(st.sampled_from(sorted(plan.by_path)))
    before = {
        k: s.generation for k, s in world.state.steps.items() if k.path == path and s.status in {"completed", "failed"}
    }
    world.retry(RetryAsked("ada", from_step_id=path))
    check_records(world)
    assert world.state.status is ExecutionStatus.COMPLETED
    assert all(world.state.steps[k].generation == generation + 1 for k, generation in before.items())


@SLOWLY
@given(RANDOMS, st.data())
def test_a_retry_from_a_step_outside_of_loops_keeps_all_that_is_not_behind_it(
    random: Random, data: st.DataObject
) -> None:
    plan, script = drawn(random, policy="continue", may_fail=False)
    world = World(plan, script, random).run()
    path = data.draw(st.sampled_from(sorted(node.path for node in plan.root.nodes)))
    behind, stack = {path}, [plan.by_path[path]]
    while stack:
        found = [edge.target for edge in stack.pop().out if edge.target.path not in behind]
        behind.update(node.path for node in found)
        stack.extend(found)
    kept = {k: s.seq for k, s in world.state.steps.items() if k.path.split("/")[0] not in behind}
    world.retry(RetryAsked("ada", from_step_id=path))
    assert {k: world.state.steps[StepKey(*k)].seq for k in kept} == kept
