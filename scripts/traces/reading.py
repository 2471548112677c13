"""Spans from files of OTLP/JSON lines, as the processes of this product and OpenTelemetry collectors write them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from engine.errors import MalformedRequest
from engine.jsonvalue import Json

ERROR_STATUS: Final = 2
SERVICE: Final = "service.name"
_NS_IN_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class SpanLink:
    """What a span points at, in its own trace or in another."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecordedSpan:
    """One span.

    Attributes:
        parent_id: empty: it is a root.
        service: name of the process that recorded it.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int
    is_error: bool
    service: str
    attributes: Mapping[str, str]
    links: tuple[SpanLink, ...]

    @property
    def duration_ms(self) -> float:
        """From its start to its end."""
        return (self.end_ns - self.start_ns) / _NS_IN_MS


def read_folder(folder: Path) -> list[RecordedSpan]:
    """All spans of the files `*.jsonl` of a folder; the last line of a file may be half written and is left out then.

    Raises:
        MalformedRequest: a file holds something else.
    """
    return [span for file in sorted(folder.glob("*.jsonl")) for span in _read(file)]


def _read(file: Path) -> Iterator[RecordedSpan]:
    lines = file.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            yield from _spans(orjson.loads(line))
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
            if number == len(lines):  # whoever wrote it is still writing, or was killed
                return
            raise MalformedRequest(f"{file}, line {number}: no span in OTLP/JSON.", code="trace.unreadable") from error


def _spans(data: Json) -> Iterator[RecordedSpan]:
    for resource_spans in _items(data, "resourceSpans"):
        service = _attributes(_member(resource_spans, "resource")).get(SERVICE, "?")
        for scope_spans in _items(resource_spans, "scopeSpans"):
            for span in _items(scope_spans, "spans"):
                yield _span(span, service)


def _span(span: Json, service: str) -> RecordedSpan:
    found = span if isinstance(span, dict) else {}
    status = _member(found, "status")
    return RecordedSpan(
        trace_id=str(found["traceId"]),
        span_id=str(found["spanId"]),
        parent_id=str(found.get("parentSpanId") or ""),
        name=str(found["name"]),
        start_ns=int(str(found["startTimeUnixNano"])),
        end_ns=int(str(found["endTimeUnixNano"])),
        is_error=isinstance(status, dict) and status.get("code") == ERROR_STATUS,
        service=service.removeprefix("maestro-"),
        attributes=_attributes(found),
        links=tuple(_links(found)),
    )


def _links(span: Json) -> Iterable[SpanLink]:
    for link in _items(span, "links"):
        if isinstance(link, dict):
            yield SpanLink(str(link["traceId"]), str(link["spanId"]), _attributes(link))


def _attributes(holder: Json) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in _items(holder, "attributes"):
        if isinstance(item, dict) and isinstance(value := item.get("value"), dict):
            found[str(item.get("key"))] = ",".join(str(one) for one in value.values())
    return found


def _items(holder: Json, name: str) -> list[Json]:
    items = _member(holder, name)
    return items if isinstance(items, list) else []


def _member(holder: Json, name: str) -> Json:
    return holder.get(name) if isinstance(holder, dict) else None
