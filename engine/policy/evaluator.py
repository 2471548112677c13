"""What every evaluator of policy promises, and the strict reading of what one answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.errors import Denial, Unavailable
from engine.jsonvalue import Json, JsonObject

DECISION_RULE = "maestro/authz/decision"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer of policy.

    Attributes:
        denials: sorted by code, then path; empty exactly when allowed.
        obligations: what the caller must see to although it is allowed.
    """

    allow: bool
    denials: tuple[Denial, ...]
    obligations: tuple[JsonObject, ...]
    revision: str


class Evaluator(Protocol):
    """Whoever evaluates the bundle. Both implementations pass one conformance suite."""

    @property
    def needs(self) -> frozenset[str]:
        """Costly facts that decisions may rest on (`engine.policy.needs`); others need not be found out."""
        ...

    async def evaluate(self, request: Mapping[str, Json]) -> Verdict:
        """The verdict on an AuthZEN request.

        Raises:
            Unavailable: there is no well-formed answer in time (`policy.unavailable`). It never means "allowed".
        """
        ...


def unavailable(reason: str) -> Unavailable:
    """The one failure of evaluation; the reason goes to the log, not to the caller."""
    error = Unavailable("policy", "The policy engine gave no decision.", code="policy.unavailable")
    error.__cause__ = RuntimeError(reason)
    return error


def read_verdict(result: Json, revision: str) -> Verdict:
    """Read a result document `{allow, denials[], obligations[]}`.

    Raises:
        Unavailable: it is not of that form, or says both that it allows and why it does not.
    """
    if not isinstance(result, dict) or not isinstance(result.get("allow"), bool):
        raise unavailable("the result has no boolean allow")
    denials = result.get("denials", [])
    obligations = result.get("obligations", [])
    if not isinstance(denials, list) or not isinstance(obligations, list):
        raise unavailable("denials or obligations are not lists")
    read = tuple(sorted((_denial(entry) for entry in denials), key=lambda denial: (denial.code, denial.path)))
    allow = result["allow"] is True
    if allow and read:
        raise unavailable("the result allows and denies at once")
    if not allow and not read:
        read = (Denial("policy.denied", "The policy does not allow this.", "", "default"),)
    if not all(isinstance(entry, dict) for entry in obligations):
        raise unavailable("an obligation is not an object")
    return Verdict(allow, read, tuple(entry for entry in obligations if isinstance(entry, dict)), revision)


def _denial(entry: Json) -> Denial:
    if not isinstance(entry, dict):
        raise unavailable("a denial is not an object")
    members = {name: entry.get(name) for name in ("code", "message", "path", "policy")}
    if not all(isinstance(value, str) for value in members.values()):
        raise unavailable("a denial lacks code, message, path or policy")
    remedy = entry.get("remedy")
    return Denial(
        code=str(members["code"]),
        message=str(members["message"]),
        path=str(members["path"]),
        policy=str(members["policy"]),
        remedy=remedy if isinstance(remedy, str) else None,
    )
