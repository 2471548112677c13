"""Reading PromQL: which series an expression asks for."""

import re
from collections.abc import Iterator
from typing import Final

import promql_parser

_FROM_PROMETHEUS: Final = {"up", "ALERTS"}
_VARIABLES: Final = {"$__rate_interval": "1m", "$__range": "1h", "$job": ".+", "$instance": ".+"}


def filled_in(expression: str, **values: str) -> str:
    """The expression with Grafana's variables replaced."""
    for name, value in {**_VARIABLES, **{f"${key}": value for key, value in values.items()}}.items():
        expression = expression.replace(name, value)
    return expression


def selectors(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and matchers of each series that an expression asks for.

    Raises:
        ValueError: it is no PromQL.
    """
    found: list[promql_parser.VectorSelector] = []

    def note(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(filled_in(expression)), note)
    for selector in found:
        yield selector.name or "", {matcher.name: matcher.value for matcher in selector.matchers.matchers}


def metrics_of(expression: str) -> set[str]:
    """Names of metrics that processes must export for this expression."""
    return {name for name, _ in selectors(expression)} - _FROM_PROMETHEUS


def unknown(expression: str, exported: set[str], recorded: set[str]) -> set[str]:
    """Names that neither a process exports nor a rule records."""
    return metrics_of(expression) - exported - recorded


def is_over_all(expression: str) -> bool:
    """Whether it asks for recorded series or alerts only, which have no job and no instance."""
    return all(re.match(r"slo:|ALERTS$", name) for name, _ in selectors(expression))
