"""HTTP to the outside: guarded, pinned, capped, over one pool of connections per process and trust store."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpcore
from opentelemetry.trace import Span, SpanKind

from engine.actions.outbound.bodies import ACCEPTED_ENCODINGS, BodyReader, too_large
from engine.actions.outbound.circuits import Place
from engine.actions.outbound.errors import OutboundError
from engine.actions.outbound.guard import OutboundGuard, Ports, unreachable
from engine.actions.outbound.redirects import MAX_REDIRECTS, redirected
from engine.actions.outbound.requests import Headers, HttpRequest, HttpResponse
from engine.actions.outbound.tls import client_context
from engine.actions.outbound.traffic import Protocol, Traffic
from engine.actions.outbound.urls import Target, read_url
from engine.telemetry import tracing

MAX_SECONDS = 30.0
MAX_BODY_BYTES = 10 * 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024
TRACEPARENT = "traceparent"
_POOLS_KEPT = 16
_MAX_CONNECTIONS = 512
_KEPT_ALIVE = 64
_KEEP_ALIVE_S = 15.0


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Where the pool's connections come from: the guard's checked addresses and nowhere else."""

    def __init__(self, guard: OutboundGuard) -> None:
        self._guard = guard
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of the library
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception | None = None
        for address in await self._guard.addresses(host, port, Ports.WEB):
            try:
                return await self._sockets.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.NetworkError, httpcore.TimeoutException) as exc:
                failure = exc
        raise unreachable(host) from failure


@dataclass(slots=True)
class _Progress:
    """How far a request has come, told by the library's trace events."""

    sent: bool = field(default=False)

    async def __call__(self, event: str, _facts: object) -> None:
        if event.endswith("send_request_headers.started"):
            self.sent = True


class HttpClient:
    """The one way by which steps speak HTTP. It belongs to one event loop; `close` when the process ends."""

    def __init__(self, guard: OutboundGuard, traffic: Traffic) -> None:
        self._backend = _GuardedBackend(guard)
        self._traffic = traffic
        self._pools: OrderedDict[str | None, httpcore.AsyncConnectionPool] = OrderedDict()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request and read the whole answer, following redirects if the request says so.

        Raises:
            OutboundError: anything but an answer. Answers of any status are returned.
        """
        deadline = asyncio.get_running_loop().time() + min(request.timeout_s, MAX_SECONDS)
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._hop(request, deadline)
            following = redirected(request, response) if request.follow_redirects else None
            if following is None:
                return response
            request = following
        raise OutboundError("http.too_many_redirects", f"More than {MAX_REDIRECTS} redirects.", sent=True)

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()
        self._pools.clear()

    async def _hop(self, request: HttpRequest, deadline: float) -> HttpResponse:
        target = read_url(request.url)
        place = Place(request.tenant, request.connection, target.host, target.port)
        async with self._traffic.call(
            place, Protocol.HTTP, deadline=deadline, concurrency=request.max_concurrency
        ) as call:
            progress = _Progress()
            try:
                async with asyncio.timeout_at(deadline):
                    with tracing.child(request.method, SpanKind.CLIENT, _of_call(request, target)) as span:
                        response = await self._exchange(request, target, progress)
                        _answered(span, response)
            except TimeoutError as exc:
                raise OutboundError(
                    "http.timeout", "No whole answer in time.", retryable=True, sent=progress.sent, unhealthy=True
                ) from exc
            except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as exc:
                raise _broken(exc, progress) from exc
            call.unhealthy = response.status >= 500
            return response

    async def _exchange(self, request: HttpRequest, target: Target, progress: _Progress) -> HttpResponse:
        pool = await self._pool(request.authority)
        wire = httpcore.Request(
            request.method,
            httpcore.URL(scheme=target.scheme, host=target.raw_host, port=target.port, target=target.path),
            headers=_wire_headers(request, target),
            content=request.content,
            extensions={"trace": progress},
        )
        answer = await pool.handle_async_request(wire)
        try:
            return await _read(answer, target, is_head=request.method == "HEAD")
        finally:
            await answer.aclose()

    async def _pool(self, authority: str | None) -> httpcore.AsyncConnectionPool:
        pool = self._pools.get(authority)
        if pool is None:
            pool = self._pools[authority] = httpcore.AsyncConnectionPool(
                ssl_context=client_context(authority),
                max_connections=_MAX_CONNECTIONS,
                max_keepalive_connections=_KEPT_ALIVE,
                keepalive_expiry=_KEEP_ALIVE_S,
                network_backend=self._backend,
            )
            await self._forget_idle_pools()
        return pool

    async def _forget_idle_pools(self) -> None:
        """Close pools of trust stores that nobody uses now, when there are many; a pool in use stays."""
        surplus = len(self._pools) - _POOLS_KEPT
        idle = [a for a, p in self._pools.items() if a is not None and all(c.is_idle() for c in p.connections)]
        for authority in idle[: max(surplus, 0)]:
            await self._pools.pop(authority).aclose()


def _of_call(request: HttpRequest, target: Target) -> tracing.Attributes:
    """Of the URL only its origin: paths and queries of hooks are secrets."""
    return {
        "http.request.method": request.method,
        "server.address": target.host,
        "server.port": target.port,
        "url.scheme": target.scheme,
    }


def _answered(span: Span, response: HttpResponse) -> None:
    span.set_attribute("http.response.status_code", response.status)
    if response.status >= 400:
        tracing.fail(span, str(response.status))


def _wire_headers(request: HttpRequest, target: Target) -> list[tuple[bytes, bytes]]:
    own = [("Host", target.host_header), ("Accept-Encoding", ACCEPTED_ENCODINGS)]
    if not any(name.lower() == "user-agent" for name, _ in request.headers):
        own.append(("User-Agent", "maestro-composer"))
    headers = [*own, *_within_trace(request.headers), *request.credentials]
    if request.content or request.method in {"POST", "PUT", "PATCH"}:
        headers.append(("Content-Length", str(len(request.content))))
    try:
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]
    except UnicodeEncodeError as exc:
        raise OutboundError("http.request_invalid", "A header holds characters that HTTP cannot carry.") from exc


def _within_trace(headers: Headers) -> Headers:
    """The request's headers; where a span of this very call is open, the far side goes on from it."""
    traceparent = tracing.carried(None)
    if traceparent is None:
        return headers
    return (*(one for one in headers if one[0].lower() != TRACEPARENT), (TRACEPARENT, traceparent))


async def _read(answer: httpcore.Response, target: Target, *, is_head: bool) -> HttpResponse:
    if sum(len(name) + len(value) + 4 for name, value in answer.headers) > MAX_HEADER_BYTES:
        raise _headers_too_large()
    headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in answer.headers)
    response = HttpResponse(answer.status, headers, b"", target.url)
    if is_head:
        return response
    length = response.header("content-length")
    if length is not None and length.isascii() and length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise too_large(MAX_BODY_BYTES)
    reader = BodyReader(response.header("content-encoding") or "", MAX_BODY_BYTES)
    async for piece in answer.aiter_stream():
        reader.feed(piece)
    return HttpResponse(answer.status, headers, reader.value(), target.url)


def _broken(exc: Exception, progress: _Progress) -> OutboundError:
    """What a failure below HTTP means. Its own words stay out of the message: they may hold addresses."""
    if isinstance(exc, httpcore.LocalProtocolError):
        return OutboundError("http.request_invalid", "The request cannot be written as HTTP.")
    if isinstance(exc, httpcore.ConnectError) and "certificate verify failed" in str(exc).lower():
        return OutboundError("http.certificate_refused", "The server's certificate does not verify.", unhealthy=True)
    if any(getattr(cause, "error_status_hint", None) == 431 for cause in exc.args):  # h11: the headers do not end
        return _headers_too_large()
    return OutboundError(
        "http.network",
        "The connection broke before the whole answer was there.",
        retryable=True,
        sent=progress.sent,
        unhealthy=True,
    )


def _headers_too_large() -> OutboundError:
    limit = MAX_HEADER_BYTES // 1024
    return OutboundError("http.headers_too_large", f"The answer's headers are larger than {limit} KiB.", sent=True)
