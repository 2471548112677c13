"""What an operation of GraphQL leaves behind, whichever way it came: one span and one count."""

import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from opentelemetry.trace import Span, SpanContext
from strawberry.types import StreamExecutionResult

from engine.telemetry import tracing
from engine.telemetry.metrics import GRAPHQL_SECONDS
from resolvers.deadlines import TIMED_OUT, Results
from resolvers.sanitised import sanitised

OK: Final = "ok"
ERRORS: Final = "errors"
TIMEOUT: Final = "timeout"
UNKNOWN: Final = "unknown"
SEVERAL: Final = "several"
_META: Final = frozenset({"__typename", "__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, as spans and counts may know it.

    Attributes:
        document: the text that it stands in.
        name: whatever its client calls it.
        type: query, mutation or subscription; `unknown` where it cannot be read.
        root_field: the one field of the schema that it asks for, or `several`; `unknown` where it has none.
    """

    document: str
    name: str | None
    type: str = UNKNOWN
    root_field: str = UNKNOWN


def root_field_of(asked: AbstractSet[str], known: AbstractSet[str]) -> str:
    """How operations that ask for these fields are counted, where the schema has those that are known."""
    if len(asked) > 1:
        return SEVERAL
    name = next(iter(asked), UNKNOWN)
    return name if name in known or name in _META else UNKNOWN


def describe(span: Span, operation: Operation, outcome: str) -> None:
    """Name the span by the type of its operation; the client's own name for it may be anything."""
    if not span.is_recording():
        return
    span.update_name(operation.type)
    span.set_attribute("graphql.operation.type", operation.type)
    span.set_attribute("graphql.document", sanitised(operation.document))
    span.set_attribute("maestro.graphql.field", operation.root_field)
    if operation.name:
        span.set_attribute("graphql.operation.name", operation.name)
    if outcome != OK:
        tracing.fail(span, f"graphql.{outcome}")


def count(operation: Operation, outcome: str, began: float, exemplar: dict[str, str] | None) -> None:
    """Count an operation that is over, and the time since it began (`time.perf_counter`)."""
    timing = GRAPHQL_SECONDS.labels(operation.type, operation.root_field, outcome)
    timing.observe(time.perf_counter() - began, exemplar)


async def accounted(results: Results, operation: Operation, parent: SpanContext | None) -> Results:
    """The same results, with one span and one count of their operation, however many they are.

    The span is current while a result is being made, not in between; it ends with the last result, or when nobody takes
    any more. Its parent is the given one, else the current one.
    """
    began, outcome = time.perf_counter(), OK
    span = tracing.start(operation.type, parent)
    try:
        while True:
            with tracing.within_span(span):
                result = await anext(results, None)
            if result is None:
                break
            outcome = _outcome_of(result) or outcome
            yield result
    except Exception:
        outcome = ERRORS
        raise
    finally:
        with tracing.within_span(span):
            await results.aclose()
        describe(span, operation, outcome)
        span.end()
        count(operation, outcome, began, tracing.exemplar_of(span.get_span_context()))


def _outcome_of(result: StreamExecutionResult) -> str | None:
    """What one result says of its operation; None: nothing bad."""
    errors = getattr(result, "errors", None)
    if not errors:
        return None
    codes = {(error.extensions or {}).get("code") for error in errors}
    return TIMEOUT if TIMED_OUT in codes else ERRORS
