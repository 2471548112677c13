"""Fair order: shares by weight, at every level, and nobody starves."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.qos.fairness import FairOrder
from engine.store.flows import Flow

WEIGHTS = {"enterprise": 8, "business": 4, "team": 2, "default": 1}
NORMAL = 2


def queue(*flows: Flow, each: int = 1_000) -> dict[Flow, list[Flow]]:
    return {flow: [flow] * each for flow in flows}


def test_classes_share_by_their_weights_and_the_lowest_gets_its_share() -> None:
    waiting = queue(*(Flow(name, "acme", NORMAL) for name in WEIGHTS))

    served = Counter(flow.qos_class for flow in FairOrder().choose(waiting, 150, WEIGHTS))

    assert served == {"enterprise": 80, "business": 40, "team": 20, "default": 10}


def test_shares_hold_over_many_small_choices() -> None:
    order = FairOrder()
    waiting = queue(*(Flow(name, "acme", NORMAL) for name in WEIGHTS))

    served = Counter(flow.qos_class for _ in range(150) for flow in order.choose(waiting, 1, WEIGHTS))

    assert served == {"enterprise": 80, "business": 40, "team": 20, "default": 10}


def test_tenants_of_a_class_share_evenly_however_much_one_of_them_has_waiting() -> None:
    loud, quiet = Flow("default", "loud", NORMAL), Flow("default", "quiet", NORMAL)

    served = Counter(flow.tenant for flow in FairOrder().choose({loud: [loud] * 900, quiet: [quiet] * 10}, 40, WEIGHTS))

    assert served == {"loud": 30, "quiet": 10}


def test_priorities_of_a_tenant_share_by_their_weights() -> None:
    waiting = queue(*(Flow("default", "acme", priority) for priority in range(4)))

    served = Counter(flow.priority for flow in FairOrder().choose(waiting, 30, WEIGHTS))

    assert served == {0: 16, 1: 8, 2: 4, 3: 2}


def test_having_been_away_earns_no_credit() -> None:
    order = FairOrder()
    busy, back = Flow("default", "busy", NORMAL), Flow("default", "back", NORMAL)
    order.choose(queue(busy), 500, WEIGHTS)

    served = Counter(flow.tenant for flow in order.choose(queue(busy, back), 20, WEIGHTS))

    assert served == {"busy": 9, "back": 11}


flows = st.builds(Flow, st.sampled_from([*WEIGHTS, "unknown"]), st.sampled_from(["a", "b", "c"]), st.integers(0, 3))


@given(st.dictionaries(flows, st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 100))
def test_it_chooses_as_many_as_there_are_each_once_and_in_the_order_of_its_flow(
    sizes: dict[Flow, int], count: int
) -> None:
    waiting = {flow: [(flow, number) for number in range(size)] for flow, size in sizes.items()}

    chosen = FairOrder().choose(waiting, count, WEIGHTS)

    assert len(chosen) == min(count, sum(sizes.values()))
    for flow in sizes:
        numbers = [number for found, number in chosen if found == flow]
        assert numbers == list(range(len(numbers)))
