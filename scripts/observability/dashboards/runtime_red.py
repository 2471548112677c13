"""Rate, errors and duration of what the product does for others."""

from typing import Final

from scripts.observability.dashboards.model import Board, Panel, Query, Section, Unit
from scripts.observability.dashboards.queries import quantile, quantiles, rate, share

_HTTP: Final = "http_server_request_duration_seconds"
_GRAPHQL: Final = "maestro_graphql_operation_duration_seconds"
_STEP: Final = "maestro_step_attempt_duration_seconds"
_CALL: Final = "maestro_outbound_call_duration_seconds"
_SERVER_FAULT: Final = 'http_response_status_code=~"5.."'
_NOT_OK: Final = 'outcome!="ok"'
_NO_SUBSCRIPTION: Final = 'graphql_operation_type!="subscription"'
_CALLER_FAULT: Final = 'http_response_status_code=~"4.."'

_HTTP_PANELS: Final = (
    Panel(
        "Requests by route",
        "Answers a second, by the route's template. A route that falls silent has lost its callers or its process.",
        Unit.PER_SECOND,
        (Query(rate(f"{_HTTP}_count", "http_request_method, http_route"), "{{http_request_method}} {{http_route}}"),),
    ),
    Panel(
        "Share of errors",
        "5xx are ours, 4xx the callers'. 429 and 503 with Retry-After are load that is turned away.",
        Unit.SHARE,
        (
            Query(share(f"({rate(f'{_HTTP}_count', '', _SERVER_FAULT)} or vector(0))", rate(f"{_HTTP}_count")), "5xx"),
            Query(share(f"({rate(f'{_HTTP}_count', '', _CALLER_FAULT)} or vector(0))", rate(f"{_HTTP}_count")), "4xx"),
        ),
    ),
    Panel("Time to answer", "From the request to the first byte of its answer.", Unit.SECONDS, quantiles(_HTTP)),
)
_GRAPHQL_PANELS: Final = (
    Panel(
        "Operations",
        "GraphQL operations a second, by their type and root field.",
        Unit.PER_SECOND,
        (
            Query(
                rate(f"{_GRAPHQL}_count", "graphql_operation_type, graphql_root_field"),
                "{{graphql_operation_type}} {{graphql_root_field}}",
            ),
        ),
    ),
    Panel(
        "Operations with errors",
        "Operations whose answer has `errors`, or that were given up. Expected failures are results.",
        Unit.SHARE,
        (
            Query(
                share(
                    f"({rate(f'{_GRAPHQL}_count', '', _NOT_OK)} or vector(0))",
                    rate(f"{_GRAPHQL}_count"),
                ),
                "errors",
            ),
        ),
    ),
    Panel(
        "Time of operations",
        "Time to execute a query or mutation; a subscription takes as long as somebody watches.",
        Unit.SECONDS,
        quantiles(_GRAPHQL, _NO_SUBSCRIPTION),
    ),
)
_STEP_PANELS: Final = (
    Panel(
        "Attempts of steps",
        "Attempts that came to an outcome, by action.",
        Unit.PER_SECOND,
        (Query(rate("maestro_steps_total", "action_type"), "{{action_type}}"),),
    ),
    Panel(
        "Share of failed attempts",
        "By action. Failed attempts are repeated by the rules of their step; what stays failed fails the step.",
        Unit.SHARE,
        (
            Query(
                share(
                    rate("maestro_steps_total", "action_type", 'outcome="failed"'),
                    rate("maestro_steps_total", "action_type"),
                ),
                "{{action_type}}",
            ),
        ),
    ),
    Panel(
        "Time of attempts",
        "Nineteen in twenty attempts of an action that waited for something took less.",
        Unit.SECONDS,
        (Query(quantile(0.95, _STEP, "action_type"), "{{action_type}}"),),
    ),
)
_CALL_PANELS: Final = (
    Panel(
        "Calls to the outside",
        "Calls of steps to other systems, by protocol and how they ended.",
        Unit.PER_SECOND,
        (Query(rate("maestro_outbound_calls_total", "protocol, outcome"), "{{protocol}} {{outcome}}"),),
    ),
    Panel(
        "Time of calls",
        "The wait for a free place under the concurrency cap included.",
        Unit.SECONDS,
        quantiles(_CALL),
    ),
    Panel(
        "Executions ended",
        "By the state in which they ended.",
        Unit.PER_SECOND,
        (Query(rate("maestro_executions_ended_total", "status"), "{{status}}"),),
    ),
)

BOARD: Final = Board(
    "runtime-red",
    "Maestro: Runtime RED",
    "Rate, errors and duration of HTTP, GraphQL, steps and calls to the outside.",
    (
        Section("HTTP", _HTTP_PANELS),
        Section("GraphQL", _GRAPHQL_PANELS),
        Section("Steps", _STEP_PANELS),
        Section("Outside", _CALL_PANELS),
    ),
)
