"""The error family as GraphQL: expected failures become members of the result, all else goes to `errors[]`.

This is the one table; `rest_shim/problems.py` is its counterpart.
"""

import re
from dataclasses import asdict
from typing import Any, Final, TypeAlias

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.types.field import StrawberryField

from engine import errors
from schema import failures
from schema.context import Info

Failure: TypeAlias = (
    failures.ValidationFailed | failures.PolicyDenied | failures.Conflict | failures.NotFound | failures.RateLimited
)


def failure_of(error: errors.MaestroError) -> Failure | None:
    """Result member for an error; None: it is no expected failure and belongs to `errors[]`."""
    result: Failure | None = None
    match error:
        case errors.ValidationFailed():
            faults = [failures.Fault(code=f.code, path=f.path, message=f.message, hint=f.hint) for f in error.faults]
            result = failures.ValidationFailed(faults=faults)
        case errors.IdempotencyMismatch():
            result = _single_fault(error)
        case errors.Denied():
            result = _denied(error)
        case errors.Conflict() | errors.StaleRevision():
            result = failures.Conflict(code=error.code, message=error.message)
        case errors.NotFound():
            result = failures.NotFound(code=error.code, message=error.message)
        case errors.RateLimited() | errors.Overloaded():
            seconds = max(1, error.retry_after_s)
            result = failures.RateLimited(code=error.code, message=error.message, retry_after_seconds=seconds)
        case _:
            result = None
    return result


def _denied(error: errors.Denied) -> failures.PolicyDenied:
    denials = [
        failures.Denial(code=d.code, message=d.message, path=d.path, policy=d.policy, remedy=d.remedy)
        for d in error.denials
    ]
    return failures.PolicyDenied(decision_id=error.decision_id, policy_revision=error.policy_revision, denials=denials)


def _single_fault(error: errors.MaestroError) -> failures.ValidationFailed:
    hint = "Use a new key, or send the input that the key was first used with."
    return failures.ValidationFailed(
        faults=[failures.Fault(code=error.code, path="/idempotencyKey", message=error.message, hint=hint)]
    )


_TOO_MANY_TOKENS: Final = re.compile(r"contains more than (\d+) tokens")

SHOWN = (
    errors.Unauthenticated,
    errors.Denied,
    errors.NotFound,
    errors.MalformedRequest,
    errors.ValidationFailed,
    errors.Conflict,
    errors.RateLimited,
    errors.Overloaded,
    errors.Unavailable,
    errors.PayloadTooLarge,
)
"""Errors whose message may stand in `errors[]`; every other is masked."""


def shown(error: GraphQLError) -> GraphQLError | None:
    """The error as clients may see it, with the code in its extensions; None: it must be masked."""
    original = error.original_error
    if original is None:
        return _with_extensions(error, {**_own_facts(error), **(error.extensions or {})})
    if isinstance(original, GraphQLError):
        return _with_extensions(error, {"code": "BAD_USER_INPUT", **(original.extensions or {})})
    if isinstance(original, SHOWN):
        return _with_extensions(error, {"code": original.code, **_facts(original)})
    return None


def _own_facts(error: GraphQLError) -> dict[str, Any]:
    """What an error of GraphQL itself says; the parser counts tokens, and tells of too many in words alone."""
    if not isinstance(error, GraphQLSyntaxError):
        return {"code": "GRAPHQL_VALIDATION_FAILED" if error.path is None else "BAD_USER_INPUT"}
    over = _TOO_MANY_TOKENS.search(error.message)
    if over is None:
        return {"code": "GRAPHQL_PARSE_FAILED"}
    return {"code": "GRAPHQL_LIMIT_EXCEEDED", "limit": "tokens", "maximum": int(over[1])}


def masked(error: GraphQLError, reference: str) -> GraphQLError:
    """What stands for an error that nobody foresaw: a reference into the log."""
    return _with_extensions(error, {"code": "INTERNAL_SERVER_ERROR", "reference": reference}, "Something went wrong.")


def presented(error: GraphQLError, reference: str) -> GraphQLError:
    """The error as clients get it; presenting it again changes nothing."""
    return shown(error) or masked(error, reference)


def _facts(error: errors.MaestroError) -> dict[str, object]:
    if isinstance(error, errors.Denied):
        told = [asdict(denial) for denial in error.denials]
        denials = [{name: value for name, value in denial.items() if value is not None} for denial in told]
        return {"decisionId": error.decision_id, "policyRevision": error.policy_revision, "denials": denials}
    if isinstance(error, errors.RateLimited | errors.Overloaded):
        return {"retryAfterSeconds": max(1, error.retry_after_s)}
    return {}


def _with_extensions(error: GraphQLError, extensions: dict[str, object], message: str | None = None) -> GraphQLError:
    return GraphQLError(
        message or error.message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        original_error=None if message else error.original_error,
        extensions=extensions,
    )


class ExpectedFailures(strawberry.ExceptionHandler[errors.MaestroError, Any]):
    """Puts expected failures into the result union of the field that raised them.

    Strawberry finds the fields of a handler by one member of their union; every result has this one, and all others.
    """

    error_type = failures.ValidationFailed

    def handle(self, exception: errors.MaestroError, *, field: StrawberryField, info: Info) -> Failure | None:  # noqa: ARG002 - the protocol's arguments
        """The member of the union, or None to let the error go to `errors[]`."""
        return failure_of(exception)
