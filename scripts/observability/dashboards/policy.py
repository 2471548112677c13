"""Decisions of policy."""

from typing import Final

from scripts.observability.dashboards.model import Board, Panel, Query, Section, Unit
from scripts.observability.dashboards.queries import quantiles, rate, share

_DECISIONS: Final = "maestro_policy_decisions_total"
_DENIED: Final = 'outcome="deny"'

_RATES: Final = (
    Panel(
        "Decisions",
        "By outcome. `would_deny` is what enforcing would refuse, in report mode.",
        Unit.PER_SECOND,
        (Query(rate(_DECISIONS, "outcome"), "{{outcome}}"),),
    ),
    Panel(
        "Decisions by action",
        "The ten actions that are asked for most.",
        Unit.PER_SECOND,
        (Query(f"topk(10, {rate(_DECISIONS, 'action')})", "{{action}}"),),
    ),
)
_REFUSALS: Final = (
    Panel(
        "Share of denials",
        "A jump after a new bundle is a bundle to look at.",
        Unit.SHARE,
        (Query(share(rate(_DECISIONS, "", _DENIED), rate(_DECISIONS)), "denied"),),
    ),
    Panel(
        "Denials by action",
        "What is refused most.",
        Unit.PER_SECOND,
        (Query(f"topk(10, {rate(_DECISIONS, 'action', _DENIED)})", "{{action}}"),),
    ),
)
_ENGINE: Final = (
    Panel(
        "Time of an evaluation",
        "Of decisions that were not remembered.",
        Unit.SECONDS,
        quantiles("maestro_policy_decision_seconds"),
    ),
    Panel(
        "Remembered and over budget",
        "Decisions answered from memory; evaluations that took longer than their time budget.",
        Unit.PER_SECOND,
        (
            Query(rate("maestro_policy_remembered_total"), "remembered"),
            Query(rate("maestro_policy_over_budget_total"), "over budget"),
        ),
    ),
    Panel(
        "Bundles and limits offered",
        "New policy bundles and files of limits, by outcome. A refused one leaves the old one in force.",
        Unit.PER_SECOND,
        (
            Query(rate("maestro_policy_reloads_total", "outcome"), "bundle {{outcome}}"),
            Query(rate("maestro_qos_reloads_total", "outcome"), "limits {{outcome}}"),
        ),
    ),
)

BOARD: Final = Board(
    "policy-decisions",
    "Maestro: Policy decision rate",
    "How often policy is asked, what it answers, and how long it takes.",
    (Section("Rate", _RATES), Section("Refusals", _REFUSALS), Section("Engine", _ENGINE)),
)
