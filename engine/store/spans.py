"""Spans of statements, after OpenTelemetry's conventions for databases. The text of a statement is left out."""

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import SpanContext, SpanKind
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from engine.telemetry import tracing
from engine.telemetry.tracing import Attribute

_WRITES: Final = re.compile(
    r"\b(insert)\s+into\s+(\w+)|\b(update)\s+(?:only\s+)?(\w+)\s|\b(delete)\s+from\s+(\w+)", re.IGNORECASE
)
_READS: Final = re.compile(r"\bfrom\s+(?:only\s+)?(\w+)", re.IGNORECASE)
_SETTINGS: Final = "select set_config("
_BEGAN: Final = "maestro_began_ns"
_KEPT: Final = 2_048


def watch(engine: AsyncEngine) -> None:
    """Record each statement of this pool within a recorded span; without an exporter nothing is hooked in."""
    if not tracing.is_on():
        return
    event.listen(engine.sync_engine, "before_cursor_execute", _before)
    event.listen(engine.sync_engine, "after_cursor_execute", _after)
    event.listen(engine.sync_engine, "handle_error", _failed)


@contextmanager
def group(operation: str, table: str, shared_by: Iterable[SpanContext | None]) -> Iterator[None]:
    """Around a statement that several spans share: one span, current within the block and linked to each of them."""
    if not tracing.is_on():
        yield
        return
    contexts = [context for context in shared_by if context is not None]
    with tracing.shared(f"{operation} {table}", contexts, SpanKind.CLIENT, _attributes(operation, table)):
        yield


@lru_cache(maxsize=_KEPT)
def target_of(sql: str) -> tuple[str, str]:
    """What a statement does, and to which table: of several the first that it writes, else the first that it reads."""
    write = _WRITES.search(sql)
    if write is not None:
        operation, table = (part for part in write.groups() if part)
        return operation.upper(), table
    read = _READS.search(sql)
    return "SELECT", "" if read is None else read[1]


def _attributes(operation: str, table: str) -> dict[str, Attribute]:
    return {
        "db.system.name": "postgresql",
        "db.operation.name": operation,
        "db.collection.name": table,
        "db.query.summary": f"{operation} {table}".strip(),
    }


def _before(*arguments: Any) -> None:
    if trace.get_current_span().is_recording():
        arguments[4].execution_options = arguments[4].execution_options.union({_BEGAN: time.time_ns()})


def _after(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: Any) -> None:
    _record(statement, context, None)


def _failed(error: ExceptionContext) -> None:
    if error.statement is not None and error.execution_context is not None:
        _record(error.statement, error.execution_context, type(error.original_exception).__name__)


def _record(statement: str, context: Any, error_type: str | None) -> None:
    began_ns = context.execution_options.get(_BEGAN)
    if began_ns is None or statement.startswith(_SETTINGS):
        return
    operation, table = target_of(statement)
    tracing.record(
        f"{operation} {table}".strip(),
        start_ns=began_ns,
        end_ns=time.time_ns(),
        kind=SpanKind.CLIENT,
        attributes=_attributes(operation, table),
        parent=trace.get_current_span().get_span_context(),
        error_type=error_type,
    )
