"""Step budgets: how many transitions the executions of a tenant may make. What is over waits in the queue.

Work that has begun goes on: its steps are counted, and what comes after it waits the longer.
"""

from engine.clock import Clock
from engine.qos.live import LiveQos
from engine.qos.meters import Meters
from engine.queue.link import Link
from engine.store.claims import Claimed

Payer = tuple[str, str]
"""class, tenant"""


class StepBudgets:
    """What the tenants have left, as this worker sees it; `run` compares it with the others."""

    def __init__(self, qos: LiveQos, link: Link, clock: Clock) -> None:
        self._qos = qos
        self._meters = Meters(clock, link)
        self._noted: dict[Payer, int] = {}

    def spend(self, claimed: Claimed, steps: int) -> None:
        """An execution has made transitions. They are noted, as part of every commit; whoever looks enters them."""
        payer = (claimed.qos_class, claimed.tenant)
        self._noted[payer] = self._noted.get(payer, 0) + steps

    def is_over(self, qos_class: str, tenant: str) -> bool:
        """Whether a tenant has used up what it may in this class."""
        self._enter()
        known = self._qos.current.classes.get(qos_class)
        return known is not None and self._meters.wait_s(known.steps, tenant) > 0.0

    def is_any_over(self, tenant: str) -> bool:
        """Whether it has in any class."""
        self._enter()
        return any(self._meters.wait_s(known.steps, tenant) > 0.0 for known in self._qos.current.classes.values())

    async def run(self) -> None:
        """Compare with other workers for ever."""
        await self._meters.run(self._enter)

    def _enter(self) -> None:
        noted, self._noted = self._noted, {}
        for (qos_class, tenant), steps in noted.items():
            known = self._qos.current.classes.get(qos_class)
            if known is not None:
                self._meters.spend(known.steps, tenant, steps)
