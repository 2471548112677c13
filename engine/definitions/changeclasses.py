"""The written rules by which a change is breaking, compatible or cosmetic (docs/version-changes.md explains them).

A rule is found by the place of the change, with `*` for an id; the longest rule that fits the beginning of the place
decides. What no rule names is breaking: forgetting a rule may ask for too great a bump, never for too small a one.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from engine.definitions.changes import ChangeClass
from engine.definitions.differences import Difference
from engine.definitions.paths import MISSING, Missing
from engine.jsonvalue import Json

Judge = Callable[[Difference], ChangeClass]
BREAKING, COMPATIBLE, COSMETIC = ChangeClass.BREAKING, ChangeClass.COMPATIBLE, ChangeClass.COSMETIC


def change_class(rule_place: tuple[str, ...], difference: Difference) -> ChangeClass:
    """Class of a change.

    Args:
        rule_place: the place of the change with `*` for each id, and body steps written like steps of the document.
        difference: its values before and after.
    """
    default = _DEFAULTS.get(rule_place, MISSING)
    if default is not MISSING and _effective(difference.before, default) == _effective(difference.after, default):
        # Written out or left to the default: the same workflow.
        return COSMETIC
    rule = _rule(rule_place)
    return rule if isinstance(rule, ChangeClass) else rule(difference)


@lru_cache(maxsize=1_024)
def _rule(place: tuple[str, ...]) -> ChangeClass | Judge:
    for length in range(len(place), 0, -1):
        rule = RULES.get("/".join(place[:length]))
        if rule is not None:
            return rule
    return BREAKING


def _effective(value: Json | Missing, default: Json) -> Json:
    return default if isinstance(value, Missing) else value


def _added(difference: Difference) -> ChangeClass:
    """Something new beside the old is compatible, a change or a removal is not."""
    return COMPATIBLE if difference.before is MISSING else BREAKING


def _limit(difference: Difference) -> ChangeClass:
    """An upper limit: raised or lifted is compatible."""
    return COMPATIBLE if _height(difference.after) >= _height(difference.before) else BREAKING


def _delay(difference: Difference) -> ChangeClass:
    """A time that others wait: shortened is compatible."""
    return COMPATIBLE if _height(difference.after) <= _height(difference.before) else BREAKING


def _height(value: Json | Missing) -> float:
    return value if isinstance(value, int | float) else float("inf")


def _switch(difference: Difference) -> ChangeClass:
    """Switched on is compatible, switched off is not."""
    return COMPATIBLE if difference.after is MISSING or difference.after is True else BREAKING


def _mapping(difference: Difference) -> ChangeClass:
    """A further input beside others is compatible; the first one takes the rest of the context away."""
    return COMPATIBLE if difference.before is MISSING and not isinstance(difference.after, dict) else BREAKING


RULES: Final[dict[str, ChangeClass | Judge]] = {
    "name": COSMETIC,
    "description": COSMETIC,
    "labels": COMPATIBLE,
    "classification": COMPATIBLE,
    "environment": COMPATIBLE,
    "requireSeparatePublisher": COMPATIBLE,
    "steps": COSMETIC,  # their order; each step has a rule below
    "steps/*": BREAKING,
    "steps/*/name": COSMETIC,
    "steps/*/position": COSMETIC,
    "steps/*/retryConfig": COMPATIBLE,
    "steps/*/config/timeout": _limit,
    "steps/*/config/inputMappings": _mapping,
    "steps/*/config/outputMappings": _added,
    "steps/*/config/onInDoubt": COMPATIBLE,
    "steps/*/config/probe": COMPATIBLE,
    "steps/*/config/delayMs": _delay,
    "steps/*/config/maxIterations": _limit,
    "steps/*/config/concurrency": COMPATIBLE,
    "steps/*/config/body": COSMETIC,  # its order; each step of it has the rules of steps
    "steps/*/config/title": COMPATIBLE,
    "steps/*/config/description": COMPATIBLE,
    "steps/*/config/assignees": COMPATIBLE,
    "steps/*/config/candidateGroups": COMPATIBLE,
    "steps/*/config/dueDate": COMPATIBLE,
    "steps/*/config/dueInMs": COMPATIBLE,
    "steps/*/config/sla": COMPATIBLE,
    "steps/*/config/escalation": COMPATIBLE,
    "steps/*/config/priority": COMPATIBLE,
    "triggers": COSMETIC,  # their order
    "triggers/*": BREAKING,
    "triggers/*/isEnabled": _switch,
    "triggers/*/config/schedule": COMPATIBLE,
    "triggers/*/config/timezone": COMPATIBLE,
    "triggers/*/config/catchUp": COMPATIBLE,
    "triggers/*/config/catchUpWindowSeconds": COMPATIBLE,
    "triggers/*/config/overlap": COMPATIBLE,
    "triggers/*/config/jitterMs": COMPATIBLE,
    "triggers/*/config/driftWindowSeconds": COMPATIBLE,
    "settings": COMPATIBLE,
    "settings/timeout": _limit,
    "settings/errorHandling": BREAKING,
    "settings/variables": _added,
    "settings/logging": COSMETIC,
}

_DEFAULTS: Final[dict[tuple[str, ...], Json]] = {
    ("steps", "*", "isEnabled"): True,
    ("steps", "*", "join"): "any",
    ("steps", "*", "connections"): [],
    ("steps", "*", "config"): {},
    ("steps", "*", "config", "actionConfig"): {},
    ("steps", "*", "config", "delivery"): "effectively_once",
    ("steps", "*", "config", "onInDoubt"): "human",
    ("steps", "*", "config", "maxIterations"): 1_000,
    ("steps", "*", "config", "concurrency"): 1,
    ("steps", "*", "config", "truncate"): False,
    ("steps", "*", "config", "excludeInitiator"): False,
    ("steps", "*", "config", "skippable"): False,
    ("triggers", "*", "isEnabled"): True,
    ("triggers", "*", "config", "timezone"): "UTC",
    ("triggers", "*", "config", "catchUp"): "latest",
    ("triggers", "*", "config", "catchUpWindowSeconds"): 3_600,
    ("triggers", "*", "config", "overlap"): "skip",
    ("triggers", "*", "config", "jitterMs"): 0,
    ("triggers", "*", "config", "signature"): "standard",
    ("settings",): {},
    ("settings", "errorHandling"): "stop",
    ("settings", "logging"): "detailed",
    ("settings", "priority"): "normal",
    ("settings", "variables"): {},
    ("requireSeparatePublisher",): False,
}
