"""`router/qos.yaml`: limits that an operator sets, read at boot and whenever the file changes (`engine.qos.live`).

Each section is read by a function of its own; what a section leaves out has its default, what nobody knows is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from engine.errors import ConfigurationError
from engine.jsonvalue import Json
from engine.qos.buckets import Budget
from engine.qos.classes import CLASSES, Backpressure, ClassOfService, Service

MOST: Final = 1_000_000_000
ADDRESS: Final = Budget("webhook-address", 1_200, 60, 600)
WEBHOOK: Final = Budget("webhook", 600, 60, 300)


@dataclass(frozen=True, slots=True)
class WebhookBudgets:
    """Limits of deliveries from outside.

    Attributes:
        address: of one source address, taken before anything is computed for it.
        webhook: of one webhook, taken by deliveries whose signature holds.
    """

    address: Budget = ADDRESS
    webhook: Budget = WEBHOOK


@dataclass(frozen=True, slots=True)
class Qos:
    """The whole file."""

    webhooks: WebhookBudgets = field(default_factory=WebhookBudgets)
    classes: Mapping[str, ClassOfService] = field(default_factory=lambda: CLASSES)
    tenants: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    backpressure: Backpressure = field(default_factory=Backpressure)

    @property
    def service(self) -> Service:
        """What starts of executions are held to."""
        return Service(self.classes, self.tenants, self.backpressure)

    @property
    def weights(self) -> Mapping[str, int]:
        """Shares of the classes."""
        return {name: each.weight for name, each in self.classes.items()}


def load(path: Path) -> Qos:
    """Limits of a file; without a file the defaults.

    Raises:
        ConfigurationError: it cannot be read, or holds something that nobody knows.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Qos()
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"MAESTRO_QOS_FILE: {path} cannot be read.") from error
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"MAESTRO_QOS_FILE: {path} is not YAML.") from error
    return parse(document)


def parse(document: Json) -> Qos:
    """Limits of a document.

    Raises:
        ConfigurationError: it holds something that nobody knows.
    """
    sections = _mapping(document, "the file", frozenset(_SECTIONS))
    return Qos(**{name: read(sections.get(name)) for name, read in _SECTIONS.items()})


def _webhooks(section: Json) -> WebhookBudgets:
    members = _mapping(section, "webhooks", frozenset({"address", "webhook"}))
    defaults = WebhookBudgets()
    return WebhookBudgets(
        address=budget(members.get("address"), "webhooks.address", defaults.address),
        webhook=budget(members.get("webhook"), "webhooks.webhook", defaults.webhook),
    )


def _classes(section: Json) -> Mapping[str, ClassOfService]:
    members = _mapping(section, "classes", frozenset(CLASSES))
    return MappingProxyType({name: _class(members.get(name), default) for name, default in CLASSES.items()})


def _class(section: Json, default: ClassOfService) -> ClassOfService:
    place = f"classes.{default.name}"
    known = {"weight", "requests", "steps", "concurrentExecutions", "queueAgeTargetSeconds", "shedAtDepthPercent"}
    members = _mapping(section, place, frozenset(known))

    def number(name: str, otherwise: int) -> int:
        return _number(members.get(name), f"{place}.{name}", otherwise)

    return replace(
        default,
        weight=number("weight", default.weight),
        requests=budget(members.get("requests"), f"{place}.requests", default.requests),
        steps=budget(members.get("steps"), f"{place}.steps", default.steps),
        concurrent_executions=number("concurrentExecutions", default.concurrent_executions),
        queue_age_target_s=number("queueAgeTargetSeconds", default.queue_age_target_s),
        shed_at_depth=number("shedAtDepthPercent", round(default.shed_at_depth * 100)) / 100,
    )


def _tenants(section: Json) -> Mapping[str, str]:
    members = section if isinstance(section, dict) else _mapping(section, "tenants", frozenset())
    found: dict[str, str] = {}
    for tenant, name in members.items():
        if not isinstance(name, str) or name not in CLASSES:
            raise ConfigurationError(f"MAESTRO_QOS_FILE: tenants.{tenant} is none of: {', '.join(CLASSES)}.")
        found[str(tenant)] = name
    return MappingProxyType(found)


def _backpressure(section: Json) -> Backpressure:
    members = _mapping(section, "backpressure", frozenset({"queueDepth", "ageFactor", "leastDepth"}))
    default = Backpressure()
    return Backpressure(
        queue_depth=_number(members.get("queueDepth"), "backpressure.queueDepth", default.queue_depth),
        age_factor=_number(members.get("ageFactor"), "backpressure.ageFactor", default.age_factor),
        least_depth=_number(members.get("leastDepth"), "backpressure.leastDepth", default.least_depth),
    )


_SECTIONS: Mapping[str, Callable[[Json], Any]] = {
    "webhooks": _webhooks,
    "classes": _classes,
    "tenants": _tenants,
    "backpressure": _backpressure,
}


def budget(section: Json, place: str, default: Budget) -> Budget:
    """A budget `{quota, windowSeconds, burst}`.

    Raises:
        ConfigurationError: a member is unknown or no whole number from 1.
    """
    members = _mapping(section, place, frozenset({"quota", "windowSeconds", "burst"}))
    return Budget(
        name=default.name,
        quota=_number(members.get("quota"), f"{place}.quota", default.quota),
        window_s=_number(members.get("windowSeconds"), f"{place}.windowSeconds", default.window_s),
        burst=_number(members.get("burst"), f"{place}.burst", default.burst),
    )


def _mapping(value: Json, place: str, known: frozenset[str]) -> Mapping[str, Json]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigurationError(f"MAESTRO_QOS_FILE: {place} is no mapping.")
    unknown = sorted(str(name) for name in value if name not in known)
    if unknown:
        raise ConfigurationError(
            f"MAESTRO_QOS_FILE: {place} holds {', '.join(unknown)}; known: {', '.join(sorted(known))}."
        )
    return value


def _number(value: Json, place: str, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
        raise ConfigurationError(f"MAESTRO_QOS_FILE: {place} is no whole number from 1 to {MOST}.")
    return value
