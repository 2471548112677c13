"""What resolvers of nested fields may ask for: typed here, given by `resolvers`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias
from uuid import UUID

import strawberry

from engine.identity.actor import Actor

if TYPE_CHECKING:
    from schema.executions import Execution, ExecutionConnection, ExecutionEvidence, ExecutionStep, LogEntry
    from schema.human_tasks import AuditTrailEntry, HumanTask, HumanTaskComment
    from schema.paging import Connection, PageArguments
    from schema.scalars import JSON
    from schema.schedules import ScheduleTick
    from schema.workflows import Workflow, WorkflowSlot, WorkflowVersion, WorkflowVersionConnection


class Reads(Protocol):
    """Reads of one request: what is asked for in one tick is fetched in one batch; None for what cannot be seen."""

    async def workflow(self, workflow_id: UUID) -> "Workflow | None":
        """A workflow of the caller's tenant."""
        ...

    async def execution(self, execution_id: UUID) -> "Execution | None":
        """An execution of the caller's tenant."""
        ...

    async def steps(self, execution_id: UUID) -> "Sequence[ExecutionStep]":
        """Current steps of an execution."""
        ...

    async def context(self, execution_id: UUID) -> "JSON":
        """Context of an execution."""
        ...

    async def dead_letter_content(self, letter_id: UUID) -> "tuple[JSON | None, JSON | None]":
        """Payload and history of a dead letter."""
        ...

    async def logs(self, execution_id: UUID) -> "Sequence[LogEntry]":
        """Log of an execution."""
        ...

    async def evidence(self, execution_id: UUID) -> "ExecutionEvidence | None":
        """Whether the evidence of an execution can be exported."""
        ...

    async def version(self, workflow_id: UUID, version: str) -> "WorkflowVersion | None":
        """A published version."""
        ...

    async def versions(self, workflow_id: UUID, page: "PageArguments") -> "WorkflowVersionConnection":
        """Published versions, newest first."""
        ...

    async def slots(self, workflow_id: UUID) -> "Sequence[WorkflowSlot]":
        """Slots of a workflow that are taken."""
        ...

    async def ticks(self, schedule_id: UUID, page: "PageArguments") -> "Connection[ScheduleTick]":
        """The ledger of a schedule, newest tick first."""
        ...

    async def executions(self, workflow_id: UUID, page: "PageArguments") -> "ExecutionConnection":
        """Executions of a workflow, newest first."""
        ...

    async def human_task(self, task_id: UUID) -> "HumanTask | None":
        """A human task of the caller's tenant."""
        ...

    async def trail(self, task_id: UUID) -> "Sequence[AuditTrailEntry]":
        """Steps of a task, oldest first."""
        ...

    async def comments(self, task_id: UUID) -> "Sequence[HumanTaskComment]":
        """Comments of a task, oldest first."""
        ...

    async def human_tasks(self, execution_id: UUID, page: "PageArguments") -> "Connection[HumanTask]":
        """Tasks of an execution, newest first."""
        ...


class GraphContext(Protocol):
    """Context of one GraphQL request."""

    @property
    def actor(self) -> Actor:
        """Who asks."""
        ...

    @property
    def reads(self) -> Reads:
        """Batched reads."""
        ...


Info: TypeAlias = strawberry.Info[GraphContext, None]
