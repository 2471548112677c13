"""Whatever really happened follows from its definition, and what did not happen does not."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from engine.jsonvalue import Json, dumps
from engine.provenance.replay import Recorded, Replay, replay
from engine.provenance.statement import digest
from engine.runtime.states import ExecutionStatus, StepStatus
from engine.runtime.transitions import ExecutionTransition, StepTransition, Transition
from tests.runtime.documents import action, condition, edge, equals, plan_of
from tests.runtime.driver import Driver
from tests.runtime.simulation.replay import POLICIES, drawn
from tests.runtime.simulation.rules import check_retry, check_retry_from
from tests.runtime.simulation.world import World

SEEDS = range(120)
BRANCHED = plan_of(
    condition("severe", equals("triggerData.severity", "high"), "page", edge("note", "failure")),
    action("page", "done"),
    action("note", "done"),
    action("done"),
)


def shown(transitions: Sequence[Transition], *, hide: frozenset[int] = frozenset()) -> list[Recorded]:
    """The record as a bundle has it; payloads of the transitions in `hide` are withheld."""
    return [_shown(each, hidden=each.seq in hide) for each in transitions]


def _shown(each: Transition, *, hidden: bool) -> Recorded:
    if not isinstance(each, StepTransition):
        return Recorded(each, (None, None), hidden=False)
    digests = _digest(each.input), _digest(each.output)
    withheld: Json = {"withheld": "large", "bytes": 70_000}
    return Recorded(each._replace(output=withheld) if hidden else each, digests, hidden)


def _digest(value: Json) -> str | None:
    return None if value is None else digest(dumps(value).encode())


def replayed(world: World) -> Replay:
    return replay(world.plan, world.header, shown(world.store.records))


@pytest.mark.parametrize(("policy", "may_fail"), POLICIES, ids=["calm", "failures passed over", "failures end it"])
def test_what_happened_under_crashes_and_pauses_follows(policy: str, may_fail: bool) -> None:  # noqa: FBT001 - a parameter of the cases
    for seed in SEEDS:
        random = Random(seed)  # noqa: S311 - a schedule to be repeated, not a secret
        plan, script = drawn(random, policy=policy, may_fail=may_fail)
        world = World(plan, replace(script, crashes=4, pauses=2), random).run()
        found = replayed(world)
        assert (found.divergences, found.untold, found.status) == ([], [], world.state.status), f"seed {seed}"


def test_retries_follow() -> None:
    for seed in SEEDS:
        random = Random(seed)  # noqa: S311 - a schedule to be repeated, not a secret
        plan, script = drawn(random, policy="stop", may_fail=True)
        world = World(plan, replace(script, crashes=2), random).run()
        if world.state.failed_steps:
            check_retry(world, restart=random.random() < 0.5)
        else:
            check_retry_from(world, random.choice(sorted(plan.by_path)))
        found = replayed(world)
        assert (found.divergences, found.untold) == ([], []), f"seed {seed}"


def branched(severity: str = "high") -> Driver:
    driver = Driver(BRANCHED, {"severity": severity}).start()
    driver.succeed("page" if severity == "high" else "note", {"reference": 7})
    driver.succeed("done")
    assert driver.execution_status() == "completed"
    return driver


def test_the_other_branch_does_not_follow() -> None:
    driver = branched("high")

    found = replay(BRANCHED, branched("low").header, shown(driver.records))

    assert not found.follows
    assert found.divergences[0].seq == 2
    assert "the core's output is another" in found.divergences[0].message


def test_another_definition_does_not_follow() -> None:
    driver = branched()
    other = plan_of(
        condition("severe", equals("triggerData.severity", "low"), "page", edge("note", "failure")),
        action("page", "done"),
        action("note", "done"),
        action("done"),
    )

    assert not replay(other, driver.header, shown(driver.records)).follows


@pytest.mark.parametrize("at", range(6))
def test_a_record_that_is_left_out_is_missed(at: int) -> None:
    records = branched().records
    assert len(records) >= 6

    found = replay(BRANCHED, branched().header, shown([*records[:at], *records[at + 1 :]]))

    assert not found.follows


def test_a_record_that_breaks_off_is_noticed() -> None:
    driver = branched()

    assert not replay(BRANCHED, driver.header, shown(driver.records[:-1])).follows


def test_a_step_that_ran_where_nothing_led_is_named() -> None:
    driver = branched()
    wrong = [
        each._replace(status=StepStatus.COMPLETED)
        if isinstance(each, StepTransition) and each.status is StepStatus.SKIPPED
        else each
        for each in driver.records
    ]

    found = replay(BRANCHED, driver.header, shown(wrong))

    assert any("note" in finding.message for finding in found.divergences)


def test_an_end_that_nothing_led_to_does_not_follow() -> None:
    records = branched().records
    last = records[-1]
    assert isinstance(last, ExecutionTransition)
    wrong = [*records[:-1], replace(last, status=ExecutionStatus.FAILED)]

    assert not replay(BRANCHED, branched().header, shown(wrong)).follows


def test_a_decision_over_what_is_not_shown_is_left_open() -> None:
    plan = plan_of(
        action("ask", "severe"),
        condition("severe", equals("steps.ask.output.severity", "high"), "page", edge("note", "failure")),
        action("page"),
        action("note"),
    )
    driver = Driver(plan).start()
    driver.succeed("ask", {"severity": "high"})
    driver.succeed("page")
    asked = next(each.seq for each in driver.records if isinstance(each, StepTransition) and each.output)

    found = replay(plan, driver.header, shown(driver.records, hide=frozenset({asked})))

    assert found.follows
    assert found.untold
    assert found.status is ExecutionStatus.COMPLETED
