"""Refusals as the OpenAPI document describes them: made by the same table that answers, from an error of each kind."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from engine.errors import (
    Conflict,
    Denial,
    Denied,
    Fault,
    IdempotencyMismatch,
    MaestroError,
    MalformedRequest,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    PreconditionRequired,
    RateLimited,
    StaleRevision,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
    ValidationFailed,
)
from engine.jsonvalue import Json, JsonObject
from rest_shim.problems import MEDIA_TYPE, NotAcceptable, described, problem_of
from rest_shim.table import Route

_ID: Final = "0197f3a0-5c1e-7000-8000-2b6d1f0a9c44"
_REQUEST: Final = "7f2b9c1e-4a58-4d0e-9a53-0c5f1d2e3b4a"
_DENIAL: Final = Denial("role.missing", "Publishing needs the role `editor`.", "/subject", "roles", "Ask for the role.")
_FAULT: Final = Fault("member.missing", "", "The document lacks the member 'steps'.", "Add the member.")


class Internal(MaestroError):
    """Nobody foresaw this; the log has the rest."""


SAMPLES: Final[Mapping[type[MaestroError], MaestroError]] = {
    type(error): error
    for error in (
        Unauthenticated("A token is needed.", code="auth.required"),
        Denied(_ID, "sha256:9f86d081", (_DENIAL,)),
        NotFound("workflow", _ID),
        MalformedRequest("There is no parameter 'colour'.", code="request.unknown_parameter"),
        ValidationFailed((_FAULT,)),
        Conflict("Nothing has changed since version 1.0.0.", code="workflow.unchanged"),
        StaleRevision(3, 4),
        PreconditionRequired("Send If-Match."),
        PayloadTooLarge(1 << 20),
        UnsupportedMedia("Send the body as application/json in UTF-8."),
        IdempotencyMismatch("This idempotency key was used before with another request."),
        RateLimited("Too many calls.", policy="writes", retry_after_s=2, quota=2_000, window_s=1),
        Overloaded("Too much is waiting.", retry_after_s=5, policy="waiting", quota=100_000),
        Unavailable("postgresql", "The database does not answer."),
        NotAcceptable("The answer has one of the forms application/json."),
        Internal(""),
    )
}
"""An error of each kind that a route may answer."""

HEADERS: Final[Mapping[str, tuple[str, JsonObject]]] = {
    "retry-after": ("Seconds to wait before the call is worth repeating.", {"type": "integer", "minimum": 1}),
    "www-authenticate": ("How to authenticate.", {"type": "string"}),
    "cache-control": ("`no-store`: the answer is of this moment.", {"type": "string"}),
    "ratelimit-policy": ('Limits, as `"name";q=quota;w=seconds`.', {"type": "string"}),
    "ratelimit": ('What is left, as `"name";r=remaining;t=seconds`.', {"type": "string"}),
}
"""Headers of refusals: what they say, and their schemas."""


def refusals_of(route: Route) -> Iterable[type[MaestroError]]:
    """What a route may refuse: what every route of its kind may, and its own."""
    yield from (MalformedRequest, Unavailable, Internal)
    if any(reply.shape is not None for reply in route.replies.values()):
        yield NotAcceptable
    if not route.public:
        yield Unauthenticated
    if route.action is not None:
        yield Denied
    if route.body is not None:
        yield from (PayloadTooLarge, UnsupportedMedia)
    yield from route.refusals


class Refusals:
    """Responses of refusals, as components that operations refer to."""

    def __init__(self) -> None:
        self.components: JsonObject = {}

    def of(self, route: Route) -> JsonObject:
        """References by status."""
        by_status: dict[int, dict[str, type[MaestroError]]] = {}
        for kind in refusals_of(route):
            by_status.setdefault(described(kind)[0], {})[kind.__name__] = kind
        return {str(status): self._reference(kinds) for status, kinds in sorted(by_status.items())}

    def _reference(self, kinds: Mapping[str, type[MaestroError]]) -> JsonObject:
        name = "Or".join(sorted(kinds))
        if name not in self.components:
            self.components[name] = _response([kinds[one] for one in sorted(kinds)])
        return {"$ref": f"#/components/responses/{name}"}


def _response(kinds: Sequence[type[MaestroError]]) -> JsonObject:
    examples: JsonObject = {}
    headers: JsonObject = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    for kind in kinds:
        problem = problem_of(SAMPLES[kind])
        examples[kind.__name__] = {"summary": problem.title, "value": problem.body(_REQUEST)}
        headers.update({_written(name): _header(name) for name in problem.headers})
    content: JsonObject = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}, "examples": examples}}
    return {"description": " ".join(_said(kind) for kind in kinds), "headers": headers, "content": content}


def _said(kind: type[MaestroError]) -> str:
    meaning = (kind.__doc__ or "").partition("\n")[0].partition(" (HTTP")[0].rstrip(".")
    return f"{described(kind)[1]}: {meaning[0].lower()}{meaning[1:]}."


def _header(name: str) -> Json:
    description, schema = HEADERS[name]
    return {"description": description, "schema": schema}


def _written(name: str) -> str:
    special = {"www-authenticate": "WWW-Authenticate", "ratelimit": "RateLimit", "ratelimit-policy": "RateLimit-Policy"}
    return special.get(name, name.title())
