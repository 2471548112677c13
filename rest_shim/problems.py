"""The error family as problem+json (RFC 9457): the one table from errors to answers.

Every problem carries, beside the members of the standard, the stable `code` and the older `error` member (a string).
What is not in the table is masked: the client sees a reference, the log has the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:maestro-composer:problem:"
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
REDUCED_CAPACITY = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
RETRY_UNAVAILABLE_S = 5


class MethodNotAllowed(MaestroError):  # noqa: N818 - named like the rest of the family
    """The path exists, the method does not (HTTP 405)."""

    code = "request.method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"This path takes {allowed}.")
        self.allowed = allowed


class NotAcceptable(MaestroError):  # noqa: N818 - named like the rest of the family
    """The caller accepts none of the forms that the answer has (HTTP 406)."""

    code = "request.not_acceptable"


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that says what went wrong.

    Attributes:
        members: beside `type`, `title`, `status`, `detail`, `instance`, `code` and `error`.
        headers: of the answer, names in lower case.
    """

    status: int
    title: str
    code: str
    detail: str
    type: str = ""
    members: JsonObject = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request_id: str) -> JsonObject:
        """The problem document."""
        return {
            "type": self.type or f"{TYPE_PREFIX}{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:maestro-composer:request:{request_id}",
            "code": self.code,
            "error": self.detail,
            **self.members,
        }


def problem_of(error: Exception) -> Problem:
    """The answer to an error; one that is not of the family, or has no row in the table, is masked."""
    for kind in type(error).__mro__:
        make = _TABLE.get(kind)
        if make is not None:
            return make(error)
    return MASKED


MASKED = Problem(500, "Internal error", "internal", "Something went wrong here. The reference is in `instance`.")


def fault_body(fault: Fault) -> JsonObject:
    """A fault as a member of `errors`."""
    return {"code": fault.code, "path": fault.path, "message": fault.message, "hint": fault.hint}


def denial_body(denial: Denial) -> JsonObject:
    """A denial as a member of `denials`."""
    body: JsonObject = {
        "code": denial.code,
        "message": denial.message,
        "path": denial.path,
        "policy": denial.policy,
    }
    return body if denial.remedy is None else {**body, "remedy": denial.remedy}


def _plain(status: int, title: str) -> Callable[[Any], Problem]:
    def make(error: MaestroError) -> Problem:
        return Problem(status, title, error.code, error.message)

    return make


def _unauthenticated(error: Unauthenticated) -> Problem:
    challenge = "Bearer" if error.code == Unauthenticated.code else 'Bearer error="invalid_token"'
    return Problem(401, "Not authenticated", error.code, error.message, headers={"www-authenticate": challenge})


def _denied(error: Denied) -> Problem:
    denials: list[Json] = [denial_body(denial) for denial in error.denials]
    members: JsonObject = {
        "decisionId": error.decision_id,
        "policyRevision": error.policy_revision,
        "denials": denials,
    }
    return Problem(403, "Refused by policy", error.code, error.message, members=members)


def _invalid(error: ValidationFailed) -> Problem:
    faults: list[Json] = [fault_body(fault) for fault in error.faults]
    return Problem(422, "Not valid", error.code, error.message, members={"errors": faults})


def _conflict(error: Conflict) -> Problem:
    facts: JsonObject = {name: value for name, value in error.facts.items()}  # type: ignore[misc]  # noqa: C416
    return Problem(409, "Conflict", error.code, error.message, members=facts, headers=_retry(error.retry_after_s))


def _stale(error: StaleRevision) -> Problem:
    return Problem(412, "Precondition failed", error.code, error.message, members={"currentRevision": error.current})


def _rate_limited(error: RateLimited) -> Problem:
    headers = {
        "retry-after": str(max(1, error.retry_after_s)),
        "cache-control": "no-store",
        "ratelimit-policy": f'"{error.policy}";q={error.quota};w={error.window_s}',
        "ratelimit": f'"{error.policy}";r=0;t={max(1, error.retry_after_s)}',
    }
    members: JsonObject = {"violated-policies": [error.policy]}
    return Problem(429, "Quota exceeded", error.code, error.message, QUOTA_EXCEEDED, members, headers)


def _overloaded(error: Overloaded) -> Problem:
    headers = {"retry-after": str(max(1, error.retry_after_s)), "cache-control": "no-store"}
    return Problem(503, "Reduced capacity", error.code, error.message, REDUCED_CAPACITY, headers=headers)


def _unavailable(error: Unavailable) -> Problem:
    headers = {"retry-after": str(RETRY_UNAVAILABLE_S), "cache-control": "no-store"}
    return Problem(503, "Unavailable", error.code, error.message, headers=headers)


def _method(error: MethodNotAllowed) -> Problem:
    return Problem(405, "Method not allowed", error.code, error.message, headers={"allow": error.allowed})


def _retry(seconds: int | None) -> dict[str, str]:
    return {} if seconds is None else {"retry-after": str(max(1, seconds))}


_TABLE: Mapping[type, Callable[[Any], Problem]] = {
    Unauthenticated: _unauthenticated,
    Denied: _denied,
    NotFound: _plain(404, "Not found"),
    MalformedRequest: _plain(400, "Malformed request"),
    ValidationFailed: _invalid,
    Conflict: _conflict,
    StaleRevision: _stale,
    PreconditionRequired: _plain(428, "Precondition required"),
    PayloadTooLarge: _plain(413, "Too large"),
    UnsupportedMedia: _plain(415, "Unsupported media type"),
    IdempotencyMismatch: _plain(422, "Idempotency key reused"),
    RateLimited: _rate_limited,
    Overloaded: _overloaded,
    Unavailable: _unavailable,
    MethodNotAllowed: _method,
    NotAcceptable: _plain(406, "Not acceptable"),
}
"""A test walks the family: what is neither here nor named there as masked fails it."""
