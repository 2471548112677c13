"""Properties of the core over random workflows, schedules and crash points; Hypothesis shrinks what it finds."""

from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.runtime.states import ExecutionStatus
from tests.runtime.simulation.replay import drawn
from tests.runtime.simulation.rules import check_ends_alike, check_records, check_retry, check_retry_from
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
    if world.state.failed_steps:
        check_retry(world, restart=restart)


@SLOWLY
@given(RANDOMS, st.integers(0, 2), st.data())
def test_a_retry_from_any_step_runs_it_again_and_keeps_what_is_not_behind_it(
    random: Random, crashes: int, data: st.DataObject
) -> None:
    plan, script = drawn(random, policy="continue", may_fail=True)
    world = World(plan, replace(script, crashes=crashes), random).run()
    check_retry_from(world, data.draw(st.sampled_from(sorted(plan.by_path))))
