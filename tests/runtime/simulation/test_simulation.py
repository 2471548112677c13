"""Any order of outcomes and any crashes end as a run without crashes does. See `replay.py` for repeating a seed."""

import pytest

from tests.runtime.simulation.replay import POLICIES, run_retries, run_seed

SEEDS = range(300)


@pytest.mark.parametrize(("policy", "may_fail"), POLICIES, ids=["calm", "failures passed over", "failures end it"])
def test_any_order_and_any_crash_ends_as_a_calm_run_does(policy: str, may_fail: bool) -> None:  # noqa: FBT001 - a parameter of the cases
    for seed in SEEDS:
        try:
            run_seed(seed, policy=policy, may_fail=may_fail)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise


def test_retries_complete_and_keep_what_they_must() -> None:
    for seed in SEEDS:
        try:
            run_retries(seed)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise


def test_a_seed_is_repeated_exactly() -> None:
    assert run_seed(11, policy="stop", may_fail=True) == run_seed(11, policy="stop", may_fail=True) == 4
