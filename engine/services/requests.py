"""Bodies of calls. Their faults are carried, not raised: existence and policy are asked first.

A door reads a body and hands the request on with all that is wrong with it; the service raises the faults at the right
moment, by `check`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.definitions.model import Priority
from engine.definitions.semver import Bump
from engine.errors import Fault, ValidationFailed
from engine.jsonvalue import Json
from engine.services.values import ExecutionFilter

WRONG_VALUE = "request.wrong_value"
MISSING_MEMBER = "request.missing_member"


class ResolveOutcome(StrEnum):
    """What a person says became of an in-doubt attempt."""

    COMPLETED = "completed"
    FAILED = "failed"
    RETRY = "retry"


class BulkAction(StrEnum):
    """Operations that work on many executions at once."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """In place of a document: JSON that no document may be (a member twice, say). It travels to its judge."""

    faults: tuple[Fault, ...]


def readable(document: Json | Unreadable) -> Json:
    """The document, once the caller is known to be allowed to hand one in.

    Raises:
        ValidationFailed: it could not be read as one.
    """
    if isinstance(document, Unreadable):
        raise ValidationFailed(document.faults)
    return document


@dataclass(frozen=True, slots=True)
class Request:
    """A body that has been read; `faults` are raised by the service once existence and policy are settled."""

    faults: tuple[Fault, ...] = field(default=(), kw_only=True)

    def check(self) -> None:
        """Raise what is wrong with the body.

        Raises:
            ValidationFailed: the body has faults.
        """
        if self.faults:
            raise ValidationFailed(self.faults)


def missing(name: str) -> ValidationFailed:
    """A member that must be there is not."""
    return ValidationFailed((Fault(MISSING_MEMBER, "", f"{name!r} is missing.", f"Add {name!r}."),))


@dataclass(frozen=True, slots=True)
class PublishRequest(Request):
    """Publish by `bump` or as an explicit `version`, not both; with neither by the smallest bump that fits.

    Attributes:
        expected_revision: of the draft; publishing another one is refused (`StaleRevision`).
        allow_smaller_bump: an action of its own for policy (`workflow.publish.allow_smaller_bump`).
    """

    bump: Bump | None = None
    version: str | None = None
    change_summary: str = ""
    allow_smaller_bump: bool = False
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True)
class ExecuteRequest(Request):
    """Start an execution; `version` None: the latest published one; `priority` None: the workflow's own."""

    trigger_data: Json = field(default_factory=dict)
    version: str | None = None
    priority: Priority | None = None


@dataclass(frozen=True, slots=True)
class ControlRequest(Request):
    """Cancel, pause or resume; the reason stands in the audit log."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class RetryRequest(Request):
    """Run failed work again, from the failed steps or from a named one."""

    from_step_id: str | None = None
    restart_successful: bool = False


@dataclass(frozen=True, slots=True)
class SignalRequest(Request):
    """The payload of a signal."""

    payload: Json = None


@dataclass(frozen=True, slots=True)
class ResolveRequest(Request):
    """What became of an in-doubt step; `iteration` names one instance within loops. The outcome must be given."""

    outcome: ResolveOutcome | None = None
    output: Json = None
    comment: str = ""
    iteration: str = ""


@dataclass(frozen=True, slots=True)
class BulkRequest(Request):
    """One operation on all executions that match a filter, at most 1,000 in a call. The action must be given."""

    action: BulkAction | None = None
    filter: ExecutionFilter = field(default_factory=ExecutionFilter)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CreateFromTemplateRequest(Request):
    """A new workflow from a template; `customisations` replace members of the template's document."""

    name: str = ""
    customisations: Mapping[str, Json] = field(default_factory=dict)
