"""Outermost: gives each connection its request id and trace context, and answers with both."""

import re
import secrets
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rest_shim.origin import Origin, origin_of, set_origin

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

Networks = Sequence[IPv4Network | IPv6Network]


class OriginMiddleware:
    """Sets `Origin` on the scope; a well-formed `X-Request-Id` or `traceparent` of the caller is kept."""

    def __init__(self, app: ASGIApp, trusted_proxies: Networks) -> None:
        self._app = app
        self._trusted = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on with its origin."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = dict(reversed(scope["headers"]))  # of those with the same name, the first counts
        origin = Origin(_request_id(headers), _traceparent(headers), self._source(scope, headers))
        set_origin(scope, origin)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", origin.request_id.encode()),
                    (b"traceparent", origin_of(scope).traceparent.encode()),
                ]
            await send(message)

        await self._app(scope, receive, send_with_id)

    def _source(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        """Address of the caller: the nearest one in the chain of trusted proxies that is not one of them."""
        client = scope.get("client")
        address = client[0] if client else "unknown"
        hops = [hop.strip() for hop in _text(headers, b"x-forwarded-for").split(",") if hop.strip()]
        while hops and self._is_trusted(address):
            address = hops.pop()
        return address if _is_address(address) else "unknown"

    def _is_trusted(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self._trusted)


@lru_cache(maxsize=1_024)
def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


def _request_id(headers: Mapping[bytes, bytes]) -> str:
    given = _text(headers, b"x-request-id")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid4())


def _traceparent(headers: Mapping[bytes, bytes]) -> str:
    given = _text(headers, b"traceparent")
    if _TRACEPARENT.fullmatch(given):
        return given
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
