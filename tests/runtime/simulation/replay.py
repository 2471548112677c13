"""Seeds: `python -m tests.runtime.simulation.replay SEED [COUNT]` runs interleavings, and names the seed that fails."""

import sys
from dataclasses import replace
from random import Random

from engine.runtime.plan import Plan
from tests.runtime.documents import plan_of
from tests.runtime.simulation.graphs import GraphSource
from tests.runtime.simulation.rules import check_ends_alike, check_records, check_retry, check_retry_from
from tests.runtime.simulation.world import Script, World

POLICIES = (("stop", False), ("continue", True), ("stop", True))
STORMS = 3


def drawn(random: Random, *, policy: str, may_fail: bool) -> tuple[Plan, Script]:
    """A workflow and the script of its far side."""
    source = GraphSource(random, may_fail=may_fail)
    return plan_of(*source.steps(), settings={"errorHandling": policy}), source.script


def run_seed(seed: int, *, policy: str, may_fail: bool) -> int:
    """One workflow, once calm and `STORMS` times with crashes and pauses. Returns how many histories were made."""
    random = Random(seed)  # noqa: S311 - a schedule to be repeated, not a secret
    plan, script = drawn(random, policy=policy, may_fail=may_fail)
    calm = World(plan, replace(script), random).run()
    check_records(calm)
    # A timer set again while resuming may outlive its step until the end clears it; otherwise nobody leaves one.
    assert not calm.left_timers
    for turn in range(STORMS):
        stormy = World(plan, replace(script, crashes=4, pauses=turn), random).run()
        check_records(stormy)
        if policy == "continue" or not may_fail:
            # Where a failure ends the execution, who else got how far is a matter of order.
            check_ends_alike(stormy, calm)
    return 1 + STORMS


def run_retries(seed: int) -> int:
    """Retries after a failure and from any step, with crashes. Returns how many histories were made."""
    random = Random(seed)  # noqa: S311 - a schedule to be repeated, not a secret
    plan, script = drawn(random, policy="stop", may_fail=True)
    world = World(plan, replace(script, crashes=random.randint(0, 3)), random).run()
    if world.state.failed_steps:
        check_retry(world, restart=random.random() < 0.5)
    plan, script = drawn(random, policy="continue", may_fail=True)
    world = World(plan, replace(script, crashes=random.randint(0, 3)), random).run()
    for _ in range(2):
        check_retry_from(world, random.choice(sorted(plan.by_path)))
    return 2


def main(arguments: list[str]) -> int:
    """Run the seeds; the first failure is raised, with its seed."""
    first, count = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 1
    histories = 0
    for seed in range(first, first + count):
        try:
            histories += sum(run_seed(seed, policy=policy, may_fail=may_fail) for policy, may_fail in POLICIES)
            histories += run_retries(seed)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
    sys.stdout.write(f"{histories} histories, all as they should be\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
