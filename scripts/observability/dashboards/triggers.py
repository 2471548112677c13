"""What starts executions by itself: webhooks, schedules, events; and what is sent back."""

from typing import Final

from scripts.observability.dashboards.model import Board, Panel, Query, Section, Unit
from scripts.observability.dashboards.queries import largest, quantile, quantiles, rate

_WEBHOOK: Final = 'http_route=~"/api/webhooks/.*"'

_WEBHOOKS: Final = (
    Panel(
        "Deliveries",
        "By outcome. `unauthenticated` and `stale` are signatures and clocks of senders that are not in order.",
        Unit.PER_SECOND,
        (Query(rate("maestro_webhook_deliveries_total", "outcome"), "{{outcome}}"),),
    ),
    Panel(
        "Time to answer",
        "From a delivery to its answer.",
        Unit.SECONDS,
        quantiles("http_server_request_duration_seconds", _WEBHOOK),
    ),
    Panel(
        "Refused by a bucket",
        "Calls over a limit, and calls that were counted by one process alone because Redis is away.",
        Unit.PER_SECOND,
        (
            Query(rate("maestro_rate_limited_total", "policy"), "{{policy}}"),
            Query(rate("maestro_rate_limit_fallbacks_total"), "counted alone"),
        ),
    ),
)
_SCHEDULES: Final = (
    Panel(
        "Ticks",
        "By how they ended. Each due tick ends in one of these.",
        Unit.PER_SECOND,
        (Query(rate("maestro_schedule_ticks_total", "status"), "{{status}}"),),
    ),
    Panel(
        "Drift",
        "From a tick's instant to its start.",
        Unit.SECONDS,
        (
            Query(quantile(0.5, "maestro_schedule_drift_seconds"), "p50"),
            Query(quantile(0.99, "maestro_schedule_drift_seconds"), "p99"),
        ),
    ),
    Panel(
        "Most overdue tick",
        "How long it waits to be looked at: no worker looks, or looking takes too long.",
        Unit.SECONDS,
        (Query(largest("maestro_schedule_overdue_seconds"), "overdue"),),
    ),
    Panel(
        "Gaps",
        "Due ticks without a row in the ledger. Anything but 0 is a fault.",
        Unit.COUNT,
        (Query(largest("maestro_schedule_gaps"), "gaps"),),
    ),
)
_EVENTS: Final = (
    Panel(
        "Events",
        "What events led to.",
        Unit.PER_SECOND,
        (Query(rate("maestro_event_deliveries_total", "outcome"), "{{outcome}}"),),
    ),
    Panel(
        "Schedules reconciled",
        "Schedules that were made, changed or removed after a publish.",
        Unit.PER_SECOND,
        (Query(rate("maestro_schedule_reconciled_total", "outcome"), "{{outcome}}"),),
    ),
    Panel(
        "Callbacks",
        "Attempts to deliver what subscribers asked to hear, by outcome.",
        Unit.PER_SECOND,
        (Query(rate("maestro_callback_attempts_total", "outcome"), "{{outcome}}"),),
    ),
)

BOARD: Final = Board(
    "triggers",
    "Maestro: Triggers",
    "Webhooks, schedules and events, and the callbacks that answer them.",
    (Section("Webhooks", _WEBHOOKS), Section("Schedules", _SCHEDULES), Section("Events and callbacks", _EVENTS)),
)
