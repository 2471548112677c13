"""Headers that tell browsers to be careful with every answer."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS: Final = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
}
_UNLESS_SET: Final = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}


class SecurityHeadersMiddleware:
    """Adds the headers; a page that needs more (the documentation) sets its own policy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the headers of its answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [header for header in message.get("headers", ()) if header[0] not in _ALWAYS]
                names = {name for name, _ in given}
                missing = [header for header in _UNLESS_SET.items() if header[0] not in names]
                message["headers"] = [*given, *_ALWAYS.items(), *missing]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
