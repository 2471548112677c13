"""Spans in files: one line of OTLP/JSON for each (opentelemetry.io/docs/specs/otel/protocol/file-exporter).

For a look at a trace without a server (`maestro trace`), and for collectors that read such files.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

import orjson
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext

from engine.errors import ConfigurationError
from engine.jsonvalue import Json, JsonObject

_KIND_OFFSET: Final = 1
"""The protocol counts kinds from 1; 0 stands for a kind that nobody named."""


class FileExporter(SpanExporter):
    """Appends to one file, unbuffered: a process that is killed leaves all that it had recorded."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @classmethod
    def open(cls, folder: Path, process: str) -> "FileExporter":
        """A file of this process's own in a folder, which is made where it is missing.

        Raises:
            ConfigurationError: nothing can be written there.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return cls((folder / f"{process}-{os.getpid()}.jsonl").open("ab", buffering=0))
        except OSError as error:
            raise ConfigurationError(f"MAESTRO_TRACE_DIR cannot be written to: {error.strerror}.") from error

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write them."""
        for span in spans:
            self._file.write(orjson.dumps(line_of(span)) + b"\n")
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        self._file.close()


def line_of(span: ReadableSpan) -> JsonObject:
    """One span with its resource and scope, as `TracesData` of OTLP/JSON."""
    scope = "" if span.instrumentation_scope is None else span.instrumentation_scope.name
    inner: list[Json] = [{"scope": {"name": scope}, "spans": [_span(span)]}]
    return {"resourceSpans": [{"resource": {"attributes": _attributes(span.resource.attributes)}, "scopeSpans": inner}]}


def _span(span: ReadableSpan) -> JsonObject:
    context = span.get_span_context()
    found: JsonObject = {
        **_ids(context),
        "name": span.name,
        "kind": span.kind.value + _KIND_OFFSET,
        "startTimeUnixNano": str(span.start_time or 0),
        "endTimeUnixNano": str(span.end_time or 0),
        "attributes": _attributes(span.attributes or {}),
        "status": {"code": span.status.status_code.value},
    }
    if span.parent is not None:
        found["parentSpanId"] = f"{span.parent.span_id:016x}"
    if span.links:
        found["links"] = [_link(link) for link in span.links]
    return found


def _link(link: Link) -> JsonObject:
    return {**_ids(link.context), "attributes": _attributes(link.attributes or {})}


def _ids(context: SpanContext | None) -> JsonObject:
    if context is None:
        return {}
    return {"traceId": f"{context.trace_id:032x}", "spanId": f"{context.span_id:016x}"}


def _attributes(attributes: Mapping[str, object]) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: object) -> JsonObject:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, tuple | list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    return {"stringValue": str(value)}
