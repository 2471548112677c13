"""Messages of a socket, read as suspiciously as bodies: graphql-transport-ws."""

from collections.abc import AsyncGenerator
from typing import Any, Final

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonTextMessageReceived

from engine.definitions.reading import read_payload
from engine.errors import MalformedRequest, ValidationFailed
from engine.jsonvalue import Json
from federation.graphql.requests import request_of
from rest_shim.problems import fault_body

KINDS: Final = ("connection_init", "ping", "pong", "subscribe", "complete")
NAMED: Final = ("subscribe", "complete")
"""Messages about one operation, which they name."""
LONGEST_NAME: Final = 100
LONGEST_REASON: Final = 123
"""Bytes that a close frame has for its reason (RFC 6455, section 5.5)."""
BAD_REQUEST: Final = 4400


class NoMessageError(Exception):
    """What came is no message of the protocol; the socket is closed with this reason."""


class SocketMessages(ASGIWebSocketAdapter):
    """Gives the protocol's handler well-formed messages only.

    An operation that cannot be read is refused by an `error` message with its id, and the socket stays open; whatever
    is no message of the protocol closes it.
    """

    def __init__(self, view: Any, request: WebSocket, response: WebSocket) -> None:
        super().__init__(view, request, response)
        self._document_limit: int = view.document_limit

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:  # noqa: ARG002 - Strawberry's argument
        """Messages, until the socket is closed."""
        try:
            while self.ws.application_state != WebSocketState.DISCONNECTED:
                text = (await self.ws.receive_text()).encode()
                message, refused = self._read(text)
                if refused is None:
                    yield message
                else:
                    await self.send_json({"id": message["id"], "type": "error", "payload": [refused]})
        except KeyError as error:
            raise NonTextMessageReceived from error
        except NoMessageError as error:
            await self.close(BAD_REQUEST, str(error))
        except WebSocketDisconnect:
            return

    async def close(self, code: int, reason: str) -> None:
        """Close; of a long reason, which may quote the client, its beginning is given."""
        await super().close(code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))

    def _read(self, text: bytes) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """A message, and why the operation that it starts is refused; None: it is not.

        Raises:
            NoMessageError: no message of the protocol.
        """
        try:
            message = _message(read_payload(text))
        except MalformedRequest as error:
            raise NoMessageError("WebSocket message must be valid JSON") from error
        except ValidationFailed as error:
            faults = [fault_body(fault) for fault in error.faults]
            return _asking(text), _refusal(error.message, error.code, faults)
        if message["type"] == "subscribe":
            try:
                asked = request_of(message.get("payload"), self._document_limit)
            except MalformedRequest as error:
                return message, _refusal(error.message, error.code)
            if not asked.query.strip():
                return message, _refusal("`query` must be the text of a document.", "BAD_REQUEST")
        return message, None


def _message(value: Json) -> dict[str, Any]:
    if not isinstance(value, dict) or value.get("type") not in KINDS:
        raise NoMessageError("Failed to parse message")
    name = value.get("id")
    if value["type"] in NAMED and not (isinstance(name, str) and 0 < len(name) <= LONGEST_NAME):
        raise NoMessageError(f"An operation's id is a string of at most {LONGEST_NAME} characters")
    return value


def _asking(text: bytes) -> dict[str, Any]:
    """The message in a text that holds what is accepted nowhere, if it starts an operation.

    Raises:
        NoMessageError: it does not, or cannot be read at all.
    """
    try:
        message = _message(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise NoMessageError("WebSocket message holds what no JSON of this service may") from error
    if message["type"] != "subscribe":
        raise NoMessageError("WebSocket message holds what no JSON of this service may")
    return message


def _refusal(message: str, code: str, faults: list[Any] | None = None) -> dict[str, Any]:
    extensions: dict[str, Any] = {"code": code}
    if faults:
        extensions["faults"] = faults
    return {"message": message, "extensions": extensions}
