"""Classes of service: what each may do, and how much of what there is it gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from engine.qos.buckets import Budget

DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class ClassOfService:
    """One class.

    Attributes:
        weight: its share of the workers while there is more to do than room, against the weights of the others.
        requests: starts of executions, per tenant.
        steps: transitions of executions, per tenant; what is over waits in the queue.
        concurrent_executions: unfinished executions of a tenant beyond which starts are refused.
        queue_age_target_s: how long its executions should wait at most.
        shed_at_depth: share of the queue's largest depth from which its starts are shed: lower classes go first.
    """

    name: str
    weight: int
    requests: Budget
    steps: Budget
    concurrent_executions: int
    queue_age_target_s: int
    shed_at_depth: float


@dataclass(frozen=True, slots=True)
class Backpressure:
    """When load is shed.

    Attributes:
        queue_depth: waiting executions in all; each class is shed at its own share of it.
        age_factor: a class is shed when its oldest execution has waited so many times its target,
        least_depth: and at least so many of its executions wait: one that is stuck is no overload.
    """

    queue_depth: int = 100_000
    age_factor: int = 4
    least_depth: int = 100


def _class(name: str, weight: int, age_s: int, share: float) -> ClassOfService:
    return ClassOfService(
        name=name,
        weight=weight,
        requests=Budget(f"starts-{name}", 3_000, 1, 6_000),
        steps=Budget(f"steps-{name}", 100_000, 1, 1_000_000),
        concurrent_executions=200_000,
        queue_age_target_s=age_s,
        shed_at_depth=share,
    )


CLASSES: Final[Mapping[str, ClassOfService]] = MappingProxyType(
    {
        "enterprise": _class("enterprise", 8, 5, 1.0),
        "business": _class("business", 4, 15, 0.9),
        "team": _class("team", 2, 30, 0.8),
        DEFAULT: _class(DEFAULT, 1, 60, 0.7),
    }
)
"""From the highest to the lowest."""


@dataclass(frozen=True, slots=True)
class Service:
    """All classes, who may use which, and when load is shed.

    Attributes:
        tenants: the highest class of a tenant, which is also what it gets without asking; others may ask for any.
    """

    classes: Mapping[str, ClassOfService] = field(default_factory=lambda: CLASSES)
    tenants: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    backpressure: Backpressure = field(default_factory=Backpressure)

    def class_for(self, tenant: str, asked: str | None) -> ClassOfService:
        """The class of an execution: what its workflow asks for, within what its tenant may.

        A name that nobody knows is the lowest.
        """
        highest = self.tenants.get(tenant)
        name = (highest or DEFAULT) if asked is None else asked
        if name not in self.classes:
            name = DEFAULT
        order = list(CLASSES)
        if highest is not None and order.index(name) < order.index(highest):
            name = highest
        return self.classes[name]
