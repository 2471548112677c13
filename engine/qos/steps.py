"""Step budgets: how many transitions the executions of a tenant may make. What is over waits in the queue.

Work that has begun goes on: its steps are counted, and what comes after it waits the longer.
"""

from engine.clock import Clock
from engine.qos.live import LiveQos
from engine.qos.meters import Meters
from engine.queue.link import Link
from engine.store.claims import Claimed


class StepBudgets:
    """What the tenants have left, as this worker sees it; `run` compares it with the others."""

    def __init__(self, qos: LiveQos, link: Link, clock: Clock) -> None:
        self._qos = qos
        self._meters = Meters(clock, link)

    def spend(self, claimed: Claimed, steps: int) -> None:
        """An execution has made transitions."""
        known = self._qos.current.classes.get(claimed.qos_class)
        if known is not None:
            self._meters.spend(known.steps, claimed.tenant, steps)

    def is_over(self, qos_class: str, tenant: str) -> bool:
        """Whether a tenant has used up what it may in this class."""
        known = self._qos.current.classes.get(qos_class)
        return known is not None and self._meters.wait_s(known.steps, tenant) > 0.0

    def is_any_over(self, tenant: str) -> bool:
        """Whether it has in any class."""
        return any(self._meters.wait_s(known.steps, tenant) > 0.0 for known in self._qos.current.classes.values())

    async def run(self) -> None:
        """Compare with other workers for ever."""
        await self._meters.run()
