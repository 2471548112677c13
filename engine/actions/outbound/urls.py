"""Which URLs a step may ask for, judged before any name is resolved.

One parser reads the URL for the check and for the connection, so that the two cannot disagree.
"""

from dataclasses import dataclass

import httpx

from engine.actions.outbound.errors import refused

MAX_URL_CHARS = 8192
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart.

    Attributes:
        host: lower-case ASCII (punycode), IPv6 addresses without brackets, no trailing dot.
        raw_host: the host as it goes into the connection pool's key.
        path: path and query as sent, ASCII.
    """

    scheme: str
    host: str
    raw_host: bytes
    port: int
    path: bytes
    url: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What two URLs share that belong to the same site."""
        return self.scheme, self.host, self.port

    @property
    def host_header(self) -> str:
        """Value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read_url(text: str) -> Target:
    """Take a URL apart.

    Raises:
        OutboundError: it is no absolute http or https URL, it carries user information, or it is malformed.
    """
    url = parse_url(text)
    if url.scheme not in _DEFAULT_PORTS:
        raise refused("url_refused", "Only http and https URLs can be asked for.")
    if url.userinfo or "@" in text.partition("//")[2].split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]:
        raise refused("url_refused", "A URL must not carry user information; credentials belong in a connection.")
    host = url.raw_host.decode("ascii").lower().rstrip(".")
    if not host:
        raise refused("url_refused", "The URL names no host.")
    port = _DEFAULT_PORTS[url.scheme] if url.port is None else url.port
    if not 1 <= port <= 65_535:
        raise refused("url_refused", "The URL's port is none.")
    return Target(url.scheme, host, host.encode("ascii"), port, url.raw_path, str(url))


def parse_url(text: str) -> httpx.URL:
    """Read URL text, relative or absolute.

    Raises:
        OutboundError: the text is no URL.
    """
    if len(text) > MAX_URL_CHARS:
        raise refused("url_refused", f"The URL is longer than {MAX_URL_CHARS} characters.")
    if any(ord(c) <= 0x20 or ord(c) == 0x7F or c == "\\" for c in text):
        raise refused("url_refused", "The URL holds spaces, control characters or backslashes.")
    try:
        return httpx.URL(text)
    except (httpx.InvalidURL, ValueError, UnicodeError) as exc:
        raise refused("url_refused", "The URL is malformed.") from exc
