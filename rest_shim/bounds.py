"""The size of a body: refused before it is read where its length is given, else while it is read."""

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from engine.errors import MalformedRequest, PayloadTooLarge, UnsupportedMedia


def bounded(scope: Scope, receive: Receive, limit: int) -> Receive:
    """`receive` that ends with an error once the body is over `limit` bytes.

    Encoded bodies are refused: a limit on what arrives would not bound what comes out of them.

    Raises:
        PayloadTooLarge: the body is over the limit, by its own word.
        UnsupportedMedia: the body is encoded.
    """
    headers = Headers(scope=scope)
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UnsupportedMedia("Send the body without a content encoding.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise MalformedRequest("Content-Length is not a number.")
    if int(length) > limit:
        raise PayloadTooLarge(limit)
    seen = 0

    async def receive_bounded() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise PayloadTooLarge(limit)
        return message

    return receive_bounded
