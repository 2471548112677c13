"""What is asked of an HTTP server and what it answered."""

from dataclasses import dataclass

from engine.actions.outbound.errors import refused

Headers = tuple[tuple[str, str], ...]

# Headers that belong to the connection itself or to the engine; a step or a connection must not set them.
RESERVED_HEADERS = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "te",
        "trailer",
        "expect",
        "proxy-authorization",
        "proxy-connection",
        "accept-encoding",
        "idempotency-key",
        "traceparent",
    }
)
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request.

    Attributes:
        tenant, connection: on whose behalf and over which named connection (empty: none); caps and breakers go by them.
        headers: as sent, without those of `http.py` (Host, Content-Length, Accept-Encoding).
        credentials: headers that must not follow a redirect to another origin.
        timeout_s: for everything, from waiting for a place to the last byte; cut to the guard's limit.
        authority: PEM of the only certificate authority to trust; None: the public ones.
    """

    method: str
    url: str
    tenant: str
    connection: str = ""
    headers: Headers = ()
    credentials: Headers = ()
    content: bytes = b""
    follow_redirects: bool = False
    timeout_s: float = 30.0
    authority: str | None = None
    max_concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer: header names in lower case, in the order of the wire; the body decoded."""

    status: int
    headers: Headers
    body: bytes
    url: str

    def header(self, name: str) -> str | None:
        """All values of a header (lower-case name) joined by a comma; None when it is absent."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None


def check_headers(headers: Headers) -> None:
    """Refuse headers that a step may not set or that HTTP cannot carry.

    Raises:
        OutboundError: naming the header; its value is not repeated.
    """
    for name, value in headers:
        if not name or not set(name) <= _TOKEN:
            raise refused("header_refused", "A header's name holds characters that HTTP does not allow.")
        if name.lower() in RESERVED_HEADERS:
            raise refused("header_refused", f"The header {name!r} is set by the engine; a step cannot set it.")
        if any((ord(c) < 0x20 and c != "\t") or ord(c) == 0x7F or ord(c) > 0xFF for c in value):
            raise refused("header_refused", f"The value of the header {name!r} holds characters that HTTP forbids.")
