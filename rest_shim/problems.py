"""The error family as problem+json (RFC 9457): the one table from errors to answers.

Every problem carries, beside the members of the standard, the stable `code` and the older `error` member (a string).
What is not in the table is masked: the client sees a reference, the log has the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

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


class MethodNotAllowed(MaestroError):
    """The path exists, the method does not (HTTP 405)."""

    code = "request.method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"This path takes {allowed}.")
        self.allowed = allowed


class NotAcceptable(MaestroError):
    """The caller accepts none of the forms that the answer has (HTTP 406)."""

    code = "request.not_acceptable"


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that says what went wrong.

    Attributes:
        type: absolute URI; empty: the project's own, by `code`.
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
        """The problem document. No further member stands in for one that RFC 9457 or older clients know."""
        return {
            **self.members,
            "type": self.type or f"{TYPE_PREFIX}{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:maestro-composer:request:{request_id}",
            "code": self.code,
            "error": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Extra:
    """What a problem carries beyond what all have."""

    members: JsonObject = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    type: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: what errors of a class are as HTTP."""

    status: int
    title: str
    further: Callable[[Any], Extra] = lambda _: Extra()


MASKED = Problem(500, "Internal error", "internal", "Something went wrong here. The reference is in `instance`.")


def problem_of(error: Exception) -> Problem:
    """The answer to an error; one that is not of the family, or has no row in the table, is masked."""
    row = _row_of(type(error))
    if row is None or not isinstance(error, MaestroError):
        return MASKED
    further = row.further(error)
    return Problem(row.status, row.title, error.code, error.message, further.type, further.members, further.headers)


def described(kind: type[MaestroError]) -> tuple[int, str]:
    """Status and title of a class of errors."""
    row = _row_of(kind)
    return (MASKED.status, MASKED.title) if row is None else (row.status, row.title)


def _row_of(kind: type) -> Row | None:
    return next((_TABLE[parent] for parent in kind.__mro__ if parent in _TABLE), None)


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


def _challenge(error: Unauthenticated) -> Extra:
    challenge = "Bearer" if error.code == Unauthenticated.code else 'Bearer error="invalid_token"'
    return Extra(headers={"www-authenticate": challenge})


def _denial(error: Denied) -> Extra:
    denials: list[Json] = [denial_body(denial) for denial in error.denials]
    return Extra({"decisionId": error.decision_id, "policyRevision": error.policy_revision, "denials": denials})


def _faults(error: ValidationFailed) -> Extra:
    return Extra({"errors": [fault_body(fault) for fault in error.faults]})


def _facts(error: Conflict) -> Extra:
    facts = cast("JsonObject", dict(error.facts))
    return Extra(facts, {} if error.retry_after_s is None else {"retry-after": str(max(1, error.retry_after_s))})


def _quota(error: RateLimited) -> Extra:
    headers = _limit_headers(error.policy, error.quota, error.window_s, error.retry_after_s)
    return Extra({"violated-policies": [error.policy]}, headers, QUOTA_EXCEEDED)


def _shedding(error: Overloaded) -> Extra:
    return Extra(
        headers=_limit_headers(error.policy, error.quota, 0, error.retry_after_s),
        type=REDUCED_CAPACITY,
    )


def _limit_headers(policy: str, quota: int, window_s: int, retry_after_s: int) -> dict[str, str]:
    """When to come back, and which limit was reached; one that counts what is there at a time has no window."""
    wait_s = max(1, retry_after_s)
    headers = {"retry-after": str(wait_s), "cache-control": "no-store"}
    if policy:
        headers["ratelimit-policy"] = f'"{policy}";q={quota}' + (f";w={window_s}" if window_s else "")
        headers["ratelimit"] = f'"{policy}";r=0;t={wait_s}'
    return headers


_TABLE: Mapping[type, Row] = {
    Unauthenticated: Row(401, "Not authenticated", _challenge),
    Denied: Row(403, "Refused by policy", _denial),
    NotFound: Row(404, "Not found"),
    MalformedRequest: Row(400, "Malformed request"),
    ValidationFailed: Row(422, "Not valid", _faults),
    Conflict: Row(409, "Conflict", _facts),
    StaleRevision: Row(412, "Precondition failed", lambda error: Extra({"currentRevision": error.current})),
    PreconditionRequired: Row(428, "Precondition required"),
    PayloadTooLarge: Row(413, "Too large"),
    UnsupportedMedia: Row(415, "Unsupported media type"),
    IdempotencyMismatch: Row(422, "Idempotency key reused"),
    RateLimited: Row(429, "Quota exceeded", _quota),
    Overloaded: Row(503, "Reduced capacity", _shedding),
    Unavailable: Row(
        503,
        "Unavailable",
        lambda _: Extra(headers={"retry-after": str(RETRY_UNAVAILABLE_S), "cache-control": "no-store"}),
    ),
    MethodNotAllowed: Row(405, "Method not allowed", lambda error: Extra(headers={"allow": error.allowed})),
    NotAcceptable: Row(406, "Not acceptable"),
}
"""A test walks the family: what is neither here nor named there as masked fails it."""
