"""The vocabulary of the route table: what a route is, what it answers, what it may refuse.

A noun's module declares its routes as values of `Route`. The same values route calls, validate them and become the
OpenAPI document, so that there is no second truth.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from starlette.convertors import Convertor, register_url_convertor

from engine.errors import MaestroError
from engine.jsonvalue import JsonObject
from engine.services.services import Services
from rest_shim.call import Call

JSON = "application/json"
EVENTS: Final = "text/event-stream"


class _Remainder(Convertor[str]):
    """What is left of a path, whatever is in it: Starlette's own `path` ends at a line break."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("remainder", _Remainder())


class Method(StrEnum):
    """Methods of routes; HEAD and OPTIONS come by themselves."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Document:
    """A body that is a JSON document with a schema of its own, checked by the service."""

    schema: JsonObject
    description: str
    example: JsonObject


@dataclass(frozen=True, slots=True)
class Reply:
    """One kind of success.

    Attributes:
        shape: model, `tuple[Model, ...]`, or None for no body.
        headers: names and what they say.
        media: content type.
        also: other content types that a caller may ask for by `Accept`, with the shape of each line or body.
    """

    description: str
    shape: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = JSON
    also: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives back: a value to shape, a stream of events, or a stream of bytes.

    Attributes:
        media: where it is not the reply's own.
    """

    value: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    events: AsyncIterator[bytes] | None = None
    stream: AsyncIterator[bytes] | None = None
    media: str | None = None


Handler = Callable[[Call], Awaitable[Answer]]
Admission = Callable[[Services, str], Awaitable[None]]
"""Called with the caller's address before anything else is looked at; raises where the caller has had enough."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    Attributes:
        name: the operation's id in the OpenAPI document, in camelCase.
        query: model of the query parameters; None: there are none, and any is refused.
        body: model of the body, `Document`, or None: a body is not read.
        body_required: False: an absent body reads as `{}`.
        replies: successes by status.
        refusals: errors beside those that every route may answer.
        headers: request headers that it honours, and what they do.
        action: what policy is asked for; None: nothing is.
        public: answered without a token.
        body_limit: bytes.
        admit: None: every address may call as often as it likes.
    """

    method: Method
    path: str
    name: str
    summary: str
    handler: Handler
    replies: Mapping[int, Reply]
    tag: str
    query: Any = None
    body: Any = None
    body_required: bool = True
    refusals: tuple[type[MaestroError], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    action: str | None = None
    public: bool = False
    body_limit: int = 1 << 20
    admit: Admission | None = None

    @property
    def template(self) -> str:
        """The path as documents write it: without what only the router reads."""
        return self.path.replace(":remainder}", "}")
