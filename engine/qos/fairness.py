"""Fair order between the flows of the queue: shares by weight, at every level, and nobody starves.

Each class has had as much as its *pass* says, in executions divided by its weight; the one that has had least is next.
The same holds between the tenants of a class (all of the same weight) and between the priorities of a tenant.
Whoever comes new, or back, starts level with those who wait: having been away earns no credit.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from engine.store.flows import Flow

K = TypeVar("K", bound=Hashable)
Item = TypeVar("Item")

PRIORITY_WEIGHTS: Final = (8, 4, 2, 1)
"""Of critical, high, normal, low."""
REMEMBERED: Final = 10_000


@dataclass(slots=True)
class _Level(Generic[K]):
    """Who has had how much of one thing that is shared; `now` is the pass at which the last one was served.

    Nobody who waits stands behind `now`: the least pass is served first. So whoever stands behind it was away.
    """

    passes: dict[K, float] = field(default_factory=dict)
    now: float = 0.0

    def next(self, waiting: Sequence[K]) -> K:
        """Who is next of those that wait; equals in the order given."""
        return min(waiting, key=self._standing)

    def served(self, key: K, weight: float) -> None:
        """It has had one."""
        self.now = self._standing(key)
        self.passes[key] = self.now + 1.0 / weight
        if len(self.passes) > REMEMBERED:
            self.passes = {kept: at for kept, at in self.passes.items() if at > self.now}

    def _standing(self, key: K) -> float:
        return max(self.now, self.passes.get(key, self.now))


class FairOrder:
    """Remembers who was served, and says who is next."""

    def __init__(self) -> None:
        self._classes: _Level[str] = _Level()
        self._tenants: dict[str, _Level[str]] = {}
        self._priorities: dict[tuple[str, str], _Level[int]] = {}

    def choose(self, waiting: Mapping[Flow, Sequence[Item]], count: int, weights: Mapping[str, int]) -> list[Item]:
        """The next `count` of what waits, each flow in its own order; fewer only when no more wait.

        Args:
            waiting: by flow, what is to be served first standing first.
            count: how many.
            weights: of classes; one that is not named counts as 1.
        """
        left = {flow: list(reversed(items)) for flow, items in waiting.items() if items}
        chosen: list[Item] = []
        while left and len(chosen) < count:
            flow = self._next(left)
            items = left[flow]
            chosen.append(items.pop())
            if not items:
                del left[flow]
            self._served(flow, weights)
        return chosen

    def _next(self, left: Mapping[Flow, object]) -> Flow:
        qos_class = self._classes.next(sorted({flow.qos_class for flow in left}))
        tenants = self._tenants.setdefault(qos_class, _Level())
        tenant = tenants.next(sorted({flow.tenant for flow in left if flow.qos_class == qos_class}))
        priorities = self._priorities.setdefault((qos_class, tenant), _Level())
        priority = priorities.next(
            sorted(flow.priority for flow in left if flow.qos_class == qos_class and flow.tenant == tenant)
        )
        return Flow(qos_class, tenant, priority)

    def _served(self, flow: Flow, weights: Mapping[str, int]) -> None:
        self._classes.served(flow.qos_class, weights.get(flow.qos_class, 1))
        self._tenants[flow.qos_class].served(flow.tenant, 1)
        priority = min(max(flow.priority, 0), len(PRIORITY_WEIGHTS) - 1)
        self._priorities[flow.qos_class, flow.tenant].served(flow.priority, PRIORITY_WEIGHTS[priority])
