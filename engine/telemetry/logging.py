"""Logs as JSON lines: the sentence is for people, the fields are for machines.

`log_fields(...)` binds fields to everything that is logged inside its block, in this task and in tasks started from
it; a record's own `extra` wins over bound fields.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, TextIO

from opentelemetry import trace

LogField = str | int | float | bool | None

_bound: ContextVar[Mapping[str, LogField]] = ContextVar("maestro_log_fields", default={})  # noqa: B039  never mutated
# What every record carries by itself; whatever else is on it came in by `extra`.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Loggers that repeat, for each request or statement, what our own records and spans already say.
_QUIET: Final = ("uvicorn.access", "httpx", "httpcore", "asyncio", "alembic")


@contextmanager
def log_fields(**fields: LogField) -> Iterator[None]:
    """Bind fields such as `execution_id`, `step_id`, `attempt`, `tenant` to every record of this block."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


class JsonFormatter(logging.Formatter):
    """One JSON object a line; values that JSON does not know become their text."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """JSON text of a record: time, level, logger, process, message, bound and own fields, trace, error."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": self._process,
            "message": record.getMessage(),
        }
        line.update(_bound.get())
        line.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line.setdefault("trace_id", trace.format_trace_id(context.trace_id))
            line.setdefault("span_id", trace.format_span_id(context.span_id))
        elif isinstance(stored := line.get("traceparent"), str) and stored.count("-") == 3:
            line.setdefault("trace_id", stored.split("-")[1])
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logging(process: str, *, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send all records of this process to a stream (standard error by default), replacing what was configured."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
