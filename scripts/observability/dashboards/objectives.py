"""The promises of deploy/slo.yaml: what is left of their budgets, and how fast it goes."""

from typing import Final

from scripts.observability.dashboards.model import Board, Kind, Panel, Query, Section, Unit

# What rules record belongs to the service as a whole: it has no job and no instance to choose.
_ALL: Final = '{service="maestro"}'

_BUDGETS: Final = (
    Panel(
        "Budget left",
        "Share of the errors allowed in thirty days that is still there. Below 0 the promise is broken.",
        Unit.SHARE,
        (Query(f"slo:period_error_budget_remaining:ratio{_ALL}", "{{slo}}"),),
        Kind.NUMBER,
    ),
    Panel(
        "Alerts",
        "Alerts that fire now.",
        Unit.COUNT,
        (Query('count(ALERTS{alertstate="firing",service="maestro"}) or vector(0)', "firing"),),
        Kind.NUMBER,
    ),
)
_BURN: Final = (
    Panel(
        "Burn rate",
        "1 uses the budget up in exactly thirty days, 14.4 in two.",
        Unit.COUNT,
        (Query(f"slo:current_burn_rate:ratio{_ALL}", "{{slo}}"),),
    ),
    Panel(
        "Share of bad events, one hour",
        "What the fast alert looks at.",
        Unit.SHARE,
        (Query(f"slo:sli_error:ratio_rate1h{_ALL}", "{{slo}}"),),
    ),
    Panel(
        "Share of bad events, three days",
        "What the slow alert looks at.",
        Unit.SHARE,
        (Query(f"slo:sli_error:ratio_rate3d{_ALL}", "{{slo}}"),),
    ),
)
_TRAFFIC: Final = (
    Panel(
        "Events in an hour",
        "Fewer than 50 say nothing, and no alert is made of them.",
        Unit.COUNT,
        (Query(f"slo:sli_total:increase1h{_ALL}", "{{slo}}"),),
    ),
    Panel(
        "What is promised",
        "Share of good events.",
        Unit.SHARE,
        (Query(f"slo:objective:ratio{_ALL}", "{{slo}}"),),
    ),
    Panel(
        "Processes seen",
        "By job. A job that is gone is an alert of its own.",
        Unit.COUNT,
        (Query('sum by (job) (up{job=~"$job",instance=~"$instance"})', "{{job}}"),),
    ),
)

BOARD: Final = Board(
    "slo",
    "Maestro: SLO and error budgets",
    "What deploy/slo.yaml promises, what is left of each budget, and how fast it goes.",
    (Section("Budgets", _BUDGETS), Section("Burn", _BURN), Section("Traffic", _TRAFFIC)),
)
