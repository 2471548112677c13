"""Use cases of executions: start, look, control."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.services.requests import (
    BulkRequest,
    ControlRequest,
    ExecuteRequest,
    ResolveRequest,
    RetryRequest,
    SignalRequest,
)
from engine.services.values import (
    Accepted,
    BulkResult,
    Execution,
    ExecutionEvent,
    ExecutionFilter,
    LogEntry,
    PageRequest,
    Slice,
    StepView,
)


class Executions:
    """What callers do with executions. Every method acts within the actor's tenant."""

    async def execute(
        self, actor: Actor, workflow_id: UUID, request: ExecuteRequest, idempotency_key: str | None = None
    ) -> Accepted:
        """Start an execution; it is in PostgreSQL before this returns."""
        raise NotImplementedError

    async def get(self, actor: Actor, execution_id: UUID) -> Execution:
        """One execution with its steps and context."""
        raise NotImplementedError

    async def get_many(self, actor: Actor, execution_ids: Sequence[UUID]) -> dict[UUID, Execution]:
        """Those of the ids that exist, without steps and context, in one query."""
        raise NotImplementedError

    async def steps_of(self, actor: Actor, execution_ids: Sequence[UUID]) -> dict[UUID, tuple[StepView, ...]]:
        """Current steps of several executions, in one query."""
        raise NotImplementedError

    async def contexts_of(self, actor: Actor, execution_ids: Sequence[UUID]) -> dict[UUID, JsonObject]:
        """Contexts of several executions."""
        raise NotImplementedError

    async def list(
        self, actor: Actor, wanted: ExecutionFilter, page: PageRequest, *, whole: bool = False
    ) -> Slice[Execution]:
        """Executions, newest first; `whole`: with steps and context."""
        raise NotImplementedError

    async def cancel(self, actor: Actor, execution_id: UUID, request: ControlRequest) -> Execution:
        """Ask for the end of an unfinished execution."""
        raise NotImplementedError

    async def pause(self, actor: Actor, execution_id: UUID, request: ControlRequest) -> Execution:
        """Hold a queued or running execution."""
        raise NotImplementedError

    async def resume(self, actor: Actor, execution_id: UUID, request: ControlRequest) -> Execution:
        """Let a paused execution go on."""
        raise NotImplementedError

    async def retry(self, actor: Actor, execution_id: UUID, request: RetryRequest) -> Execution:
        """Run failed work of a finished execution again."""
        raise NotImplementedError

    async def signal(self, actor: Actor, execution_id: UUID, name: str, request: SignalRequest) -> Execution:
        """Send a signal to an unfinished execution; an early one is kept."""
        raise NotImplementedError

    async def resolve(self, actor: Actor, execution_id: UUID, step_id: str, request: ResolveRequest) -> Execution:
        """Decide an in-doubt step."""
        raise NotImplementedError

    async def bulk(self, actor: Actor, request: BulkRequest) -> BulkResult:
        """One operation on all executions that match a filter."""
        raise NotImplementedError

    async def logs(self, actor: Actor, execution_id: UUID, after: str | None = None) -> Sequence[LogEntry]:
        """The log of an execution, oldest first."""
        raise NotImplementedError

    def events(self, actor: Actor, execution_id: UUID, after_seq: int = 0) -> AsyncIterator[ExecutionEvent]:
        """Recorded transitions after `after_seq`, then new ones as they come; ends with the execution."""
        raise NotImplementedError
