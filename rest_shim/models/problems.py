"""The body of a problem, as the OpenAPI document describes it; `rest_shim.problems` makes it."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass

from engine.jsonvalue import JsonObject
from rest_shim.models.workflows import FaultBody
from rest_shim.shapes import Rule, wire


@dataclass(frozen=True, slots=True)
class DenialBody:
    """One reason for which policy refused."""

    code: str = wire("Stable, dotted, lower-case.")
    message: str = wire("The reason, for people.")
    path: str = wire("JSON Pointer into the request that policy judged.")
    policy: str = wire("Name of the rule.")
    remedy: str | None = wire("What would make it allowed.", default=None)


@dataclass(frozen=True, slots=True)
class ProblemBody:
    """What went wrong (RFC 9457)."""

    facts: JsonObject = wire(Rule("Further facts of the problem.", spread=True))
    type: str = wire("Absolute URI of the kind of problem.")
    title: str = wire("The kind of problem, for people.")
    status: int = wire("The HTTP status.")
    detail: str = wire("What went wrong this time.")
    instance: str = wire("Reference of this answer; the log knows it.")
    code: str = wire("Stable, dotted, lower-case.")
    error: str = wire("The same as `detail`, for older clients.")
    errors: tuple[FaultBody, ...] | None = wire("All faults, where the body or document has some.", default=None)
    decision_id: str | None = wire("The policy decision, where policy refused.", default=None)
    policy_revision: str | None = wire("Revision of the policy that refused.", default=None)
    denials: tuple[DenialBody, ...] | None = wire("All reasons of policy.", default=None)
