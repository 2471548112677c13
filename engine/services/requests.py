"""Bodies of calls, read strictly. Faults are carried, not raised: existence and policy are asked first.

A door reads the body with `read` and hands the request on; the service raises its faults at the right moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.definitions.model import Priority
from engine.definitions.semver import Bump
from engine.errors import Fault, ValidationFailed
from engine.jsonvalue import Json
from engine.runtime.states import ExecutionStatus
from engine.services.bodies import WRONG_VALUE, BodyReader
from engine.services.values import ExecutionFilter


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


@dataclass(frozen=True, slots=True)
class PublishRequest(Request):
    """Publish by `bump` (patch where neither is given and a version exists) or as an explicit `version`.

    Attributes:
        expected_revision: of the draft; publishing another one is refused (`StaleRevision`).
        allow_smaller_bump: an action of its own for policy (`workflow.publish.allow_smaller_bump`).
    """

    bump: Bump | None = None
    version: str | None = None
    change_summary: str = ""
    allow_smaller_bump: bool = False
    expected_revision: int | None = None

    @classmethod
    def read(cls, body: Json, expected_revision: int | None = None) -> "PublishRequest":
        """Request of a body; `expected_revision` is that of `If-Match`, and the body's `revision` must not differ."""
        reader = BodyReader(body)
        bump = reader.choice("bump", Bump)
        version = reader.optional_text("version")
        summary = reader.text("changeSummary")
        smaller = reader.flag("allowSmallerBump")
        revision = reader.integer("revision")
        faults = list(reader.finish())
        if bump is not None and version is not None:
            faults.append(Fault(WRONG_VALUE, "/version", "Both 'bump' and 'version' are given.", "Give one of them."))
        return cls(
            bump=bump,
            version=version,
            change_summary=summary,
            allow_smaller_bump=smaller,
            expected_revision=expected_revision if revision is None else revision,
            faults=tuple(faults),
        )


@dataclass(frozen=True, slots=True)
class ExecuteRequest(Request):
    """Start an execution; `version` None: the latest published one; `priority` None: the workflow's own."""

    trigger_data: Json = field(default_factory=dict)
    version: str | None = None
    priority: Priority | None = None

    @classmethod
    def read(cls, body: Json) -> "ExecuteRequest":
        """Request of a body; an absent body is an empty one."""
        reader = BodyReader({} if body is None else body)
        return cls(
            trigger_data=reader.value("triggerData", {}),
            version=reader.optional_text("version"),
            priority=reader.priority("priority"),
            faults=reader.finish(),
        )


@dataclass(frozen=True, slots=True)
class ControlRequest(Request):
    """Cancel, pause or resume; the reason stands in the audit log."""

    reason: str = ""

    @classmethod
    def read(cls, body: Json) -> "ControlRequest":
        """Request of a body; an absent body is an empty one."""
        reader = BodyReader({} if body is None else body)
        return cls(reason=reader.text("reason"), faults=reader.finish())


@dataclass(frozen=True, slots=True)
class RetryRequest(Request):
    """Run failed work again, from the failed steps or from a named one."""

    from_step_id: str | None = None
    restart_successful: bool = False

    @classmethod
    def read(cls, body: Json) -> "RetryRequest":
        """Request of a body; `nodeId` is the older name of `fromStepId`."""
        reader = BodyReader({} if body is None else body)
        older = reader.optional_text("nodeId")
        return cls(
            from_step_id=reader.optional_text("fromStepId") or older,
            restart_successful=reader.flag("restartSuccessful"),
            faults=reader.finish(),
        )


@dataclass(frozen=True, slots=True)
class SignalRequest(Request):
    """The payload of a signal."""

    payload: Json = None

    @classmethod
    def read(cls, body: Json) -> "SignalRequest":
        """Request of a body; an absent body is an empty one."""
        reader = BodyReader({} if body is None else body)
        return cls(payload=reader.value("payload"), faults=reader.finish())


@dataclass(frozen=True, slots=True)
class ResolveRequest(Request):
    """What became of an in-doubt step; `iteration` names one instance within loops."""

    outcome: ResolveOutcome | None = None
    output: Json = None
    comment: str = ""
    iteration: str = ""

    @classmethod
    def read(cls, body: Json) -> "ResolveRequest":
        """Request of a body."""
        reader = BodyReader(body)
        outcome = reader.choice("outcome", ResolveOutcome)
        reader.require("outcome", outcome)
        return cls(
            outcome=outcome,
            output=reader.value("output"),
            comment=reader.text("comment"),
            iteration=reader.text("iteration"),
            faults=reader.finish(),
        )


@dataclass(frozen=True, slots=True)
class BulkRequest(Request):
    """One operation on all executions that match a filter, at most 1,000 in a call."""

    action: BulkAction | None = None
    filter: ExecutionFilter = field(default_factory=ExecutionFilter)
    reason: str = ""

    @classmethod
    def read(cls, body: Json) -> "BulkRequest":
        """Request of a body `{action, filter: {workflowId, status, version}, reason}`."""
        reader = BodyReader(body)
        action = reader.choice("action", BulkAction)
        reader.require("action", action)
        members = reader.nested("filter")
        wanted = ExecutionFilter(
            workflow_id=members.identifier("workflowId"),
            status=members.choice("status", ExecutionStatus),
            version=members.optional_text("version"),
        )
        reader.absorb(members)
        return cls(action=action, filter=wanted, reason=reader.text("reason"), faults=reader.finish())


@dataclass(frozen=True, slots=True)
class CreateFromTemplateRequest(Request):
    """A new workflow from a template; `customisations` replace members of the template's document."""

    name: str = ""
    customisations: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def read(cls, body: Json) -> "CreateFromTemplateRequest":
        """Request of a body `{name, customizations}`; both spellings are read."""
        reader = BodyReader({} if body is None else body)
        members = reader.members("customizations") or reader.members("customisations")
        reader.value("customisations")
        return cls(name=reader.text("name"), customisations=members, faults=reader.finish())
