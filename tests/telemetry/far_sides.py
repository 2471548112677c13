"""What stands on the other side of the wire: an OTLP receiver, and the service that steps call."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from scripts.embedded.ports import LOOPBACK

KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
ERROR = 2
PATIENCE_S = 120.0
"""How long a busy machine may take over what a quiet one does at once."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as it came over the wire; ids in hex."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    start_ns: int
    end_ns: int
    is_error: bool
    attributes: dict[str, Any]
    links: tuple[tuple[str, str, dict[str, Any]], ...]


@dataclass(slots=True)
class Collector:
    """Everything that was exported so far."""

    spans: list[Seen] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    port: int = 0
    _news: threading.Condition = field(default_factory=threading.Condition)

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._news:
            self.raw.append(body)
            self.spans += [
                _seen(span, _values(group.resource.attributes))
                for group in request.resource_spans
                for scope in group.scope_spans
                for span in scope.spans
            ]
            self._news.notify_all()

    def of(self, trace: str) -> list[Seen]:
        return [span for span in list(self.spans) if span.trace == trace]

    def touching(self, trace: str) -> list[Seen]:
        """The spans of a trace, and those linked to it: of what was done for several at once."""
        return [span for span in list(self.spans) if trace in {span.trace, *(link[0] for link in span.links)}]

    def wait_touching(self, trace: str, names: set[str], within_s: float = PATIENCE_S) -> list[Seen]:
        """The same, once there are some of all these names."""
        with self._news:
            found = self._news.wait_for(lambda: names <= {span.name for span in self.touching(trace)}, within_s)
        assert found, sorted(names - {span.name for span in self.touching(trace)})
        return self.touching(trace)

    def wait(self, trace: str, is_there: Callable[[list[Seen]], bool], within_s: float = PATIENCE_S) -> list[Seen]:
        """The spans of a trace, once they are as wanted."""
        with self._news:
            found = self._news.wait_for(lambda: is_there(self.of(trace)), within_s)
        told = [f"{span.service}: {span.name} {span.attributes}" for span in self.of(trace)]
        assert found, "\n".join(told)
        return self.of(trace)


@dataclass(slots=True)
class Called:
    """One call of a step: where it went, and the trace context that it brought."""

    path: str
    traceparent: str
    at: float


@dataclass(slots=True)
class FarSide:
    """A service that keeps its callers' headers. `/hold` answers when it is released, `/missing` with 404."""

    calls: list[Called] = field(default_factory=list)
    port: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def came(self, path: str, traceparent: str) -> None:
        with self._news:
            self.calls.append(Called(path, traceparent, time.time()))
            self._news.notify_all()

    def wait(self, path: str, count: int, within_s: float = PATIENCE_S) -> list[Called]:
        """The calls to a path, once there are so many."""

        def matching() -> list[Called]:
            return [call for call in self.calls if call.path.startswith(path)]

        with self._news:
            assert self._news.wait_for(lambda: len(matching()) >= count, within_s), self.calls
        return matching()


@contextmanager
def collecting() -> Iterator[Collector]:
    """An OTLP receiver over HTTP with protobuf bodies, as collectors have it."""
    collector = Collector()

    class Handler(_Quiet):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            assert self.headers["content-type"] == "application/x-protobuf"
            collector.take(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.answer(200, b"")

    with _serving(Handler) as collector.port:
        yield collector


@contextmanager
def far_side() -> Iterator[FarSide]:
    """The service that steps call."""
    side = FarSide()

    class Handler(_Quiet):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            side.came(self.path, self.headers.get("traceparent", ""))
            if self.path.startswith("/hold"):
                side.released.wait(PATIENCE_S)
            self.answer(404 if self.path.startswith("/missing") else 200, json.dumps({"ok": True}).encode())

    with _serving(Handler) as side.port:
        yield side
        side.released.set()


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the caller was killed
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _seen(span: Any, resource: dict[str, Any]) -> Seen:
    return Seen(
        service=resource["service.name"],
        name=span.name,
        kind=KINDS[span.kind],
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        is_error=span.status.code == ERROR,
        attributes=_values(span.attributes),
        links=tuple((link.trace_id.hex(), link.span_id.hex(), _values(link.attributes)) for link in span.links),
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
