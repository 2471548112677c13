"""What an action is: the one interface between a step and the outside world.

What an action may normally say (done, failed, come back later) is a returned value. An exception out of an action is a
bug of that action; the worker records it as the failure `action.crashed` and asks for no retry. Cancellation is
neither: it passes through untouched and spends no attempt.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

from engine.definitions.model import Delivery
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject


class Effect(StrEnum):
    """What an action declares to do outside of the execution.

    none: nothing, it is a computation; runs of such steps share a commit. read: it looks, and may be repeated freely.
    write: it may change something; its intent is recorded before and its outcome after.
    """

    NONE = "none"
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class ActionContext:
    """All that one attempt of an action gets to know.

    Attributes:
        config: the step's `actionConfig`, templates filled in.
        input: what the step's `inputMappings` chose; all of the context where there are none.
        attempt: from 1; an attempt above 1 may follow one whose outcome nobody knows.
        idempotency_key: stable for this step instance over all its attempts.
        timeout_ms: of this attempt; None: no limit of the step's own. The caller enforces it by cancellation.
        traceparent: W3C trace context to pass on with outgoing calls.
    """

    tenant: str
    execution_id: UUID
    step_path: str
    iteration: str
    attempt: int
    config: JsonObject
    input: Json
    idempotency_key: str
    delivery: Delivery = Delivery.EFFECTIVELY_ONCE
    timeout_ms: int | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The attempt did what it should; `output` becomes the step's output."""

    output: Json


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt did not do what it should.

    Attributes:
        code: stable, dotted, lower-case (`http.503`, `connection.not_found`).
        retryable: whether the same attempt may go well later; `retryOn` of the step may name the code all the same.
        retry_after_ms: the far side's own wish; the wait is never shorter.
        details: further facts for the step's error, without secrets.
    """

    code: str
    message: str
    retryable: bool = False
    retry_after_ms: int | None = None
    details: JsonObject | None = None


Result = Succeeded | Failed


@runtime_checkable
class InlineAction(Protocol):
    """An action that only computes: synchronous, pure, bounded in time and size, microseconds for ordinary data."""

    @property
    def name(self) -> str:
        """The `actionType` by which steps name it."""
        ...

    @property
    def effect(self) -> Effect:
        """What it declares to do outside."""
        ...

    @property
    def config_schema(self) -> JsonObject:
        """JSON Schema (2020-12) of its `actionConfig`, with titles and descriptions."""
        ...

    def compute(self, context: ActionContext) -> Result:
        """The result of one attempt."""
        ...


@runtime_checkable
class Action(Protocol):
    """An action that waits for something outside. Its `run` may be cancelled at every await."""

    @property
    def name(self) -> str:
        """The `actionType` by which steps name it."""
        ...

    @property
    def effect(self) -> Effect:
        """What it declares to do outside."""
        ...

    @property
    def config_schema(self) -> JsonObject:
        """JSON Schema (2020-12) of its `actionConfig`, with titles and descriptions."""
        ...

    async def run(self, context: ActionContext) -> Result:
        """The result of one attempt."""
        ...


AnyAction = InlineAction | Action


@runtime_checkable
class ChecksConfig(Protocol):
    """An action that can tell of a config, before anything runs, more than its schema says."""

    def config_faults(self, config: JsonObject) -> tuple[Fault, ...]:
        """What is wrong with the members that are known by then; paths lead from the config. Any thread may ask."""
        ...


def config_invalid(faults: tuple[Fault, ...]) -> Failed:
    """The failure of a step whose config, templates filled in, is not what its action takes. Never retried."""
    return Failed(
        code="action.config_invalid",
        message="; ".join(fault.message for fault in faults[:3]) or "The action's config is not valid.",
        details={"faults": [{"path": f.path, "message": f.message} for f in faults[:20]]},
    )
