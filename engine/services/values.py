"""What the use cases take and give: frozen values, no rows and no schema types."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

from engine.definitions.model import Priority
from engine.jsonvalue import Json, JsonObject
from engine.runtime.states import ExecutionStatus, StepStatus

T = TypeVar("T")

UNPUBLISHED_VERSION = "0.0.0"
"""What `version` of a workflow says before its first publish."""


class WorkflowStatus(StrEnum):
    """Where a workflow stands: never published, published at least once, or archived."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class ProvenanceStatus(StrEnum):
    """Whether the ledger has the version's manifest."""

    PENDING = "pending"
    REGISTERED = "registered"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list.

    Either by `page` (from 1) or by key: `after` a cursor, or `before` one. `backwards` takes the last `limit` items
    (before `before`, else of the whole list); the items still come in the list's order.

    Attributes:
        limit: 1 to 200.
        count: False: `Slice.total` is not asked for, and 0.
    """

    limit: int = 20
    page: int = 1
    after: str | None = None
    before: str | None = None
    backwards: bool = False
    count: bool = True


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """One part of a list, in the list's order.

    Attributes:
        cursors: one for each item, in the same order; bound to the filter that made them.
        total: exact up to 10,000 (`total_is_exact`), then 10,000; 0 where it was not asked for.
        has_next: there are items after the last one.
    """

    items: tuple[T, ...]
    cursors: tuple[str, ...]
    total: int
    total_is_exact: bool
    has_next: bool
    has_previous: bool

    @property
    def next_cursor(self) -> str | None:
        """Goes on behind the last item; None at the end of the list."""
        return self.cursors[-1] if self.has_next and self.cursors else None


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow with its draft.

    Attributes:
        definition: the draft, normalised, without the members that the server sets.
        revision: counts edits; the strong `ETag`.
        published_version: the latest published version; None: never published.
    """

    id: UUID
    name: str
    description: str
    definition: JsonObject
    status: WorkflowStatus
    is_active: bool
    revision: int
    published_version: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime

    @property
    def version(self) -> str:
        """The latest published version, `0.0.0` before the first."""
        return self.published_version or UNPUBLISHED_VERSION


@dataclass(frozen=True, slots=True)
class WorkflowFilter:
    """Which workflows; archived ones only where `status` asks for them."""

    search: str | None = None
    is_active: bool | None = None
    status: WorkflowStatus | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the ledger knows of a version; index and hash from `registered` on."""

    status: ProvenanceStatus
    log_index: int | None = None
    leaf_hash: str | None = None
    proof: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A published version, immutable. `manifest` is the canonical text that the ledger's leaf is made of."""

    workflow_id: UUID
    version: str
    content_hash: str
    definition: JsonObject
    change_summary: str
    created_by: str
    created_at: datetime
    previous_version: str | None
    manifest: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class AffectedExecutions:
    """How many unfinished executions are pinned to a version."""

    version: str
    count: int


@dataclass(frozen=True, slots=True)
class ErrorView:
    """Why a step or an execution failed; `step_id` for an execution that a step brought down."""

    code: str
    message: str
    step_id: str | None = None
    details: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class StepView:
    """One step instance of an execution.

    Attributes:
        step_id: the step's own id, without its loops.
        iteration: loop indices joined by `.`; None outside of loops.
        parent_step_id: the innermost loop around it; None outside of loops.
        retry_count: attempts after the first, over all generations.
    """

    step_id: str
    status: StepStatus
    started_at: datetime | None
    completed_at: datetime | None
    input: Json
    output: Json
    error: ErrorView | None
    retry_count: int
    iteration: str | None
    parent_step_id: str | None

    @property
    def duration_ms(self) -> int | None:
        """Milliseconds from start to end; None while it has not ended, or where nothing was started."""
        if self.started_at is None or self.completed_at is None:
            return None
        return round((self.completed_at - self.started_at).total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a published version.

    Attributes:
        steps: None where they were not asked for (see `Executions.steps_of`).
        context: as conditions and templates see it; None where it was not asked for (see `Executions.contexts_of`).
    """

    id: UUID
    workflow_id: UUID
    workflow_version: str
    status: ExecutionStatus
    trigger_type: str
    trigger_data: Json
    priority: Priority
    current_step: str | None
    started_by: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    failed_steps: tuple[str, ...]
    error: ErrorView | None
    parent_execution_id: UUID | None
    steps: tuple[StepView, ...] | None = None
    context: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Which executions; members that are None do not filter."""

    workflow_id: UUID | None = None
    status: ExecutionStatus | None = None
    version: str | None = None
    parent_execution_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """An execution that is in PostgreSQL; `replayed`: an earlier call with the same key had already started it."""

    execution: Execution
    replayed: bool


@dataclass(frozen=True, slots=True)
class ExecutionEvent:
    """One recorded transition; `seq` is the event id of streams. `step` is None for the execution itself."""

    seq: int
    at: datetime
    execution_id: UUID
    status: str
    step: StepView | None
    error: ErrorView | None
    attempt: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of an execution's log."""

    at: datetime
    level: str
    message: str
    step_id: str | None
    iteration: str | None
    attempt: int | None
    fields: JsonObject


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a bulk operation left one execution alone."""

    execution_id: UUID
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What a bulk operation did. `remaining`: more executions match than one call takes."""

    done: tuple[UUID, ...]
    refused: tuple[Refusal, ...]
    remaining: bool


@dataclass(frozen=True, slots=True)
class Template:
    """A ready-made definition to start from; `usage_count` counts the tenant's own uses."""

    id: str
    name: str
    description: str
    category: str
    definition: JsonObject
    usage_count: int
    is_built_in: bool
