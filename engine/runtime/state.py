"""The state of one execution in memory: what folding its transitions in order gives.

It is changed in place, by `engine.runtime.fold` alone, and belongs to one task at a time.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from engine.jsonvalue import Json, JsonObject
from engine.runtime.plan import Node, Scope
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus
from engine.runtime.transitions import Failure


@dataclass(frozen=True, slots=True)
class ExecutionHeader:
    """What an execution is from its acceptance on.

    Attributes:
        version: the published version that it is pinned to.
        started_at: when it was accepted; the workflow timeout counts from the first transition, not from here.
    """

    id: UUID
    tenant: str
    workflow_id: UUID
    version: str
    trigger_type: str
    trigger_data: Json
    started_by: str
    started_at: datetime | None = None
    priority: int = 2
    parent_execution_id: UUID | None = None
    traceparent: str | None = None


@dataclass(slots=True, eq=False)
class LoopState:
    """Where a loop stands.

    Attributes:
        items: what it iterates over, as recorded when it started.
        started: iterations begun; they begin in the order of their index.
        done: indices of iterations in which every step is decided.
        results: per index what the iteration gave, None until it is done.
    """

    items: list[Json]
    started: int = 0
    done: set[int] = field(default_factory=set)
    results: list[Json] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class ScopeState:
    """One graph in progress: the workflow itself, or one iteration of a loop.

    Attributes:
        remaining: steps not decided yet.
        outputs: the member `steps` of the context as the steps of this scope see it.
        mapped: context keys that its steps have set by `outputMappings`.
        context: what its steps see; None until one of them looks (iterations only).
        is_broken: a step failed and nobody handles it: the scope ends with what holds it, and begins nothing more.
    """

    scope: Scope
    iteration: str
    owner: "StepState | None"
    parent: "ScopeState | None"
    index: int
    remaining: int
    outputs: JsonObject = field(default_factory=dict)
    mapped: JsonObject = field(default_factory=dict)
    context: JsonObject | None = None
    is_broken: bool = False


@dataclass(slots=True, eq=False)
class StepState:
    """One instance of a step.

    Attributes:
        decided: incoming connections decided, of which `taken` were taken.
        failures: attempts of this generation that failed; what the retry policy counts.
        seq: of its newest transition.
        started_at: of the first attempt of this generation.
    """

    node: Node
    key: StepKey
    scope: ScopeState
    status: StepStatus = StepStatus.PENDING
    generation: int = 0
    attempt: int = 0
    decided: int = 0
    taken: int = 0
    failures: int = 0
    seq: int = 0
    input: Json = None
    output: Json = None
    failure: Failure | None = None
    detail: JsonObject | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    loop: LoopState | None = None


@dataclass(frozen=True, slots=True)
class KeptSignal:
    """A signal that came before a step waited for it."""

    id: str
    payload: Json


@dataclass(slots=True, eq=False)
class ExecutionState:
    """One execution.

    Attributes:
        id_text: the id as text, written once: the key of every attempt begins with it.
        seq: of the newest transition; the next one is one higher.
        run: how often a person has asked for a retry; the generation of the workflow's own timer.
        root: the outermost scope; None until the execution has started.
        scopes: iterations in progress, by (path of the loop, iteration).
        open: instances that run, wait or are in doubt.
        agenda: instances that can be decided now, in order; empty between advances but when paused.
        unhandled: failed instances whose failure nobody handles and that must end something.
        failed_steps: paths of steps that failed unhandled.
        attempts_out: action attempts whose outcome is awaited.
        listeners: instances that wait for a signal, by its name, longest first.
        signals: kept signals by name; `seen_signals` holds the ids of all that counted.
    """

    header: ExecutionHeader
    id_text: str
    status: ExecutionStatus = ExecutionStatus.QUEUED
    seq: int = 0
    run: int = 0
    root: ScopeState | None = None
    steps: dict[StepKey, StepState] = field(default_factory=dict)
    scopes: dict[StepKey, ScopeState] = field(default_factory=dict)
    open: dict[StepKey, StepState] = field(default_factory=dict)
    agenda: dict[StepKey, StepState] = field(default_factory=dict)
    unhandled: dict[StepKey, StepState] = field(default_factory=dict)
    failed_steps: dict[str, None] = field(default_factory=dict)
    attempts_out: int = 0
    listeners: dict[str, dict[StepKey, StepState]] = field(default_factory=dict)
    signals: dict[str, list[KeptSignal]] = field(default_factory=dict)
    seen_signals: set[str] = field(default_factory=set)
    current_step: str | None = None
    failure: Failure | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @classmethod
    def new(cls, header: ExecutionHeader) -> "ExecutionState":
        """State before the first transition."""
        return cls(header, str(header.id))
