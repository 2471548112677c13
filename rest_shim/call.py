"""One call of a route: its parts, read and checked on demand."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import parse_qsl
from uuid import UUID

from starlette.requests import Request

from engine.definitions.reading import read_document, read_payload
from engine.errors import Fault, MalformedRequest, NotFound, UnsupportedMedia, ValidationFailed
from engine.identity.actor import Actor
from engine.identity.tokens import Identity
from engine.jsonvalue import Json
from engine.services.requests import Unreadable
from engine.services.services import Services
from rest_shim.conditions import expected_revision, idempotency_key
from rest_shim.nouns import Noun
from rest_shim.shapes import members, read

Model = TypeVar("Model")
Wanted = TypeVar("Wanted")
Wanted_co = TypeVar("Wanted_co", covariant=True)


class Requestable(Protocol[Wanted_co]):
    """A body model that knows which request it makes."""

    def request(self) -> Wanted_co:
        """The request of a body without faults."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler gets: who calls, what is asked, and the services that answer.

    Attributes:
        path: of the route, as the table has it.
        needs_body: False: an absent body reads as `{}`.
    """

    services: Services
    identity: Identity
    path: str
    needs_body: bool
    request: Request

    @property
    def actor(self) -> Actor:
        """Who calls."""
        return self.identity.actor

    @property
    def ends_at(self) -> float | None:
        """When the caller's token expires, on the event loop's clock; None: never."""
        left = self.identity.seconds_left
        return None if left is None else asyncio.get_running_loop().time() + left

    def id(self, noun: Noun, name: str = "id") -> UUID:
        """Identifier in the path.

        Raises:
            NotFound: it is no identifier, so nothing has it.
        """
        text = self.text(name)
        try:
            return UUID(text)
        except ValueError:
            raise NotFound(noun.replace("_", " "), text) from None

    def text(self, name: str) -> str:
        """Part of the path, as it stands."""
        return str(self.request.path_params[name])

    def query(self, model: type[Model]) -> Model:
        """Query parameters.

        Raises:
            MalformedRequest: one is unknown, repeated or ill-formed.
        """
        return read_query(model, self.request.url.query)

    async def body(self, model: type[Requestable[Wanted]], refused: Callable[[tuple[Fault, ...]], Wanted]) -> Wanted:
        """What the body asks for; its faults travel in the request, for the service to raise at the right moment.

        Raises:
            MalformedRequest: the body is not JSON.
        """
        try:
            value = read(model, await self.document())
        except ValidationFailed as error:
            return refused(error.faults)
        return refused(value) if isinstance(value, tuple) else value.request()

    async def document(self) -> Json:
        """The body as a JSON document.

        Raises:
            MalformedRequest: it is not JSON.
            ValidationFailed: it is JSON that no document may be (duplicate members, too deep).
        """
        return await self._read(read_payload)

    async def definition(self) -> Json | Unreadable:
        """The body as a definition; what no document may be is the service's to refuse, at the right moment.

        Raises:
            MalformedRequest: it is not JSON.
        """
        try:
            return await self._read(read_document)
        except ValidationFailed as error:
            return Unreadable(error.faults)

    async def _read(self, read: Callable[[bytes], Json]) -> Json:
        raw = await self.request.body()
        if not raw and not self.needs_body:
            return {}
        check_content_type(self.request.headers.get("content-type"))
        return read(raw)

    def idempotency_key(self) -> str | None:
        """Key of the `Idempotency-Key` header."""
        return idempotency_key(self.request.headers.get("idempotency-key"))

    def expected_revision(self) -> int | None:
        """Revision of the `If-Match` header."""
        return expected_revision(self.request.headers.get("if-match"))


def check_content_type(value: str | None) -> None:
    """Only JSON in UTF-8 is read.

    Raises:
        UnsupportedMedia: another type, another character set, or none given.
    """
    media, *parameters = [part.strip().lower() for part in (value or "").split(";")]
    is_json = media == "application/json" or (media.startswith("application/") and media.endswith("+json"))
    charset = next((p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
    if not is_json or charset not in {"utf-8", "utf8", "us-ascii"}:
        raise UnsupportedMedia("Send the body as application/json in UTF-8.")


def read_query(model: type[Model], text: str) -> Model:
    """Query parameters as a model.

    Raises:
        MalformedRequest: one is unknown, repeated or ill-formed.
    """
    known: Mapping[str, Any] = {member.name: member for member in members(cast("Any", model))}
    values: dict[str, Json] = {}
    for name, text_value in _pairs(text):
        if name not in known:
            allowed = f"This path takes {', '.join(known)}." if known else "This path takes none."
            raise MalformedRequest(f"There is no parameter {name[:100]!r}. {allowed}", code="request.unknown_parameter")
        if name in values:
            raise MalformedRequest(f"The parameter {name!r} is given twice.", code="request.bad_parameter")
        values[name] = _typed(known[name].kind, text_value)
    value = read(model, values)
    if isinstance(value, tuple):
        first = value[0]
        detail = f"The parameter {first.path.removeprefix('/')!r} does not fit: {first.message} {first.hint}"
        raise MalformedRequest(detail, code="request.bad_parameter")
    return value


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        raise MalformedRequest("The query cannot be read.", code="request.bad_parameter") from error


def _typed(kind: Any, value: str) -> Json:
    """Text of a parameter as the JSON value that its type asks for; left as text where it does not fit."""
    inner = kind.__args__[0] if hasattr(kind, "__args__") else kind
    if inner is bool:
        return {"true": True, "false": False, "1": True, "0": False}.get(value.lower(), value)
    if inner is int and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20:
        return int(value)
    return value
