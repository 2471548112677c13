"""The one error family.

A class has a stable `code` and says whether the same call may succeed later (`retryable`); an instance carries its
facts. `rest_shim/problems.py` maps the family to problem+json, `resolvers/errors.py` to GraphQL result types.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a document or a request body.

    Attributes:
        code: stable, dotted, lower-case.
        path: JSON Pointer (RFC 6901) to the place; the parent's where a member is missing.
        message: what is wrong, in the author's words.
        hint: how to mend it.
    """

    code: str
    path: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Denial:
    """One reason for which policy refused."""

    code: str
    message: str
    path: str
    policy: str
    remedy: str | None = None


class MaestroError(Exception):
    """Root of the family. `code` may be narrowed per instance, never left empty."""

    code: str = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class Unauthenticated(MaestroError):
    """No identity, or one that cannot be trusted."""

    code = "auth.required"


class Denied(MaestroError):
    """Policy refused; every reason is listed, sorted by code then path."""

    code = "policy.denied"

    def __init__(self, decision_id: str, policy_revision: str, denials: tuple[Denial, ...]) -> None:
        super().__init__("; ".join(d.message for d in denials) or "The policy does not allow this.")
        self.decision_id = decision_id
        self.policy_revision = policy_revision
        self.denials = denials


class NotFound(MaestroError):
    """Nothing of this kind with this id within the caller's tenant."""

    code = "not_found"

    def __init__(self, kind: str, identifier: str) -> None:
        super().__init__(f"There is no {kind} {identifier!r}.", code=f"{kind.replace(' ', '_')}.not_found")
        self.kind = kind
        self.identifier = identifier


class MalformedRequest(MaestroError):
    """The request cannot be read: not JSON, an unknown parameter, a value out of range (HTTP 400)."""

    code = "request.malformed"


class ValidationFailed(MaestroError):
    """The request was read and breaks rules; every fault is listed."""

    code = "validation.failed"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f.message for f in faults[:3]) or "The request is not valid.")
        self.faults = faults


class Conflict(MaestroError):
    """The state of the thing does not allow this now. `facts` are extra members for the answer."""

    code = "conflict"

    def __init__(
        self,
        message: str,
        *,
        code: str,
        facts: dict[str, object] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.facts = facts or {}
        self.retry_after_s = retry_after_s


class StaleRevision(MaestroError):
    """The draft moved since the caller read it (HTTP 412; `Conflict` in GraphQL). Nothing was written."""

    code = "workflow.revision_stale"

    def __init__(self, expected: int, current: int) -> None:
        super().__init__(f"The document is at revision {current}; the change was made against revision {expected}.")
        self.expected = expected
        self.current = current


class PreconditionRequired(MaestroError):
    """The call needs a condition that the caller left out (HTTP 428)."""

    code = "request.precondition_required"


class PayloadTooLarge(MaestroError):
    """The body is over the limit of its route (HTTP 413)."""

    code = "request.too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The body is larger than the {limit_bytes} bytes that this route takes.")
        self.limit_bytes = limit_bytes


class UnsupportedMedia(MaestroError):
    """The content type or encoding is not one that the route reads (HTTP 415)."""

    code = "request.unsupported_media_type"


class IdempotencyMismatch(MaestroError):
    """The idempotency key was used before with another body (HTTP 422)."""

    code = "idempotency.mismatch"


class RateLimited(MaestroError):
    """Over a budget (HTTP 429)."""

    code = "quota.exceeded"
    retryable = True

    def __init__(self, message: str, *, policy: str, retry_after_s: int, quota: int = 0, window_s: int = 0) -> None:
        super().__init__(message)
        self.policy = policy
        self.retry_after_s = retry_after_s
        self.quota = quota
        self.window_s = window_s


class Overloaded(MaestroError):
    """The system sheds load (HTTP 503). `policy` names the limit that was reached, where one was."""

    code = "capacity.reduced"
    retryable = True

    def __init__(self, message: str, *, retry_after_s: int, policy: str = "", quota: int = 0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.policy = policy
        self.quota = quota


class Unavailable(MaestroError):
    """Something the call depends on does not answer (HTTP 503)."""

    code = "dependency.unavailable"
    retryable = True

    def __init__(self, dependency: str, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.dependency = dependency


class ConfigurationError(MaestroError):
    """A setting is missing or malformed; the process must not start."""

    code = "configuration.invalid"
