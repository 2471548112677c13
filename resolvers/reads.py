"""Reads of one request: what is asked for in one tick becomes one call of a service."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from engine.errors import Denied, NotFound
from engine.identity.actor import Actor
from engine.services import values
from engine.services.services import Services
from engine.services.slices import slice_of
from resolvers import schedule_shapes, shapes, task_shapes
from resolvers.paging import page_request
from schema.executions import Execution, ExecutionConnection, ExecutionEvidence, ExecutionStep, LogEntry
from schema.human_tasks import AuditTrailEntry, HumanTask, HumanTaskComment
from schema.paging import Connection, PageArguments
from schema.scalars import JSON
from schema.schedules import ScheduleTick
from schema.workflows import Workflow, WorkflowSlot, WorkflowVersion, WorkflowVersionConnection

Found = TypeVar("Found")
Fetch = Callable[[Actor, Sequence[UUID]], Awaitable[Mapping[UUID, Found]]]


class ServiceReads:
    """`schema.context.Reads` over the services.

    What is missing, another tenant's or forbidden is None or empty, never an error: references and nested fields must
    not tell them apart. Without `cached`, each tick reads anew: for subscriptions, which outlive what they have read.
    """

    def __init__(self, services: Services, actor: Actor, *, cached: bool = True) -> None:
        self._services = services
        self._actor = actor
        self._workflows = _loader(actor, services.workflows.get_many, cached=cached)
        self._slots = _loader(actor, services.slots.of_workflows, cached=cached)
        self._executions = _loader(actor, services.executions.get_many, cached=cached)
        self._steps = _loader(actor, services.executions.steps_of, cached=cached)
        self._letters = _loader(actor, services.dead_letters.contents_of, cached=cached)
        self._evidence = _loader(actor, services.evidence.states_of, cached=cached)
        self._contexts = _loader(actor, services.executions.contexts_of, cached=cached)
        self._tasks = _loader(actor, services.human_tasks.get_many, cached=cached)
        self._trails = _loader(actor, services.human_tasks.trails_of, cached=cached)
        self._comments = _loader(actor, services.human_tasks.comments_of, cached=cached)
        self._tasks_of = _loader(actor, services.human_tasks.of_executions, cached=cached)

    async def workflow(self, workflow_id: UUID) -> Workflow | None:
        """A workflow of the caller's tenant."""
        found = await self._workflows.load(workflow_id)
        return None if found is None else shapes.workflow(found)

    async def execution(self, execution_id: UUID) -> Execution | None:
        """An execution of the caller's tenant."""
        found = await self._executions.load(execution_id)
        return None if found is None else shapes.execution(found)

    async def steps(self, execution_id: UUID) -> Sequence[ExecutionStep]:
        """Current steps of an execution."""
        return [shapes.step(step) for step in await self._steps.load(execution_id) or ()]

    async def context(self, execution_id: UUID) -> JSON:
        """Context of an execution."""
        return JSON(await self._contexts.load(execution_id) or {})

    async def dead_letter_content(self, letter_id: UUID) -> tuple[JSON | None, JSON | None]:
        """Payload and history of a dead letter."""
        found = await self._letters.load(letter_id)
        return (None, None) if found is None else (JSON(found.payload), JSON(found.history))

    async def logs(self, execution_id: UUID) -> Sequence[LogEntry]:
        """Log of an execution."""
        return [shapes.log_entry(entry) for entry in await self._services.executions.logs(self._actor, execution_id)]

    async def evidence(self, execution_id: UUID) -> ExecutionEvidence | None:
        """Whether the evidence of an execution can be exported."""
        found = await self._evidence.load(execution_id)
        return None if found is None else shapes.evidence(found)

    async def version(self, workflow_id: UUID, version: str) -> WorkflowVersion | None:
        """A published version."""
        try:
            return shapes.version(await self._services.workflows.version(self._actor, workflow_id, version))
        except (NotFound, Denied):
            return None

    async def versions(self, workflow_id: UUID, page: PageArguments) -> WorkflowVersionConnection:
        """Published versions, newest first."""
        found = await self._services.workflows.versions(self._actor, workflow_id, page_request(page))
        return shapes.connection(found, shapes.version)

    async def slots(self, workflow_id: UUID) -> Sequence[WorkflowSlot]:
        """Slots of a workflow that are taken."""
        return [shapes.slot(slot) for slot in await self._slots.load(workflow_id) or ()]

    async def ticks(self, schedule_id: UUID, page: PageArguments) -> Connection[ScheduleTick]:
        """The ledger of a schedule, newest tick first."""
        found = await self._services.schedules.ticks(self._actor, schedule_id, page_request(page))
        return shapes.connection(found, schedule_shapes.tick)

    async def executions(self, workflow_id: UUID, page: PageArguments) -> ExecutionConnection:
        """Executions of a workflow, newest first."""
        wanted = values.ExecutionFilter(workflow_id=workflow_id)
        found = await self._services.executions.list(self._actor, wanted, page_request(page))
        return shapes.connection(found, shapes.execution)

    async def human_task(self, task_id: UUID) -> HumanTask | None:
        """A human task of the caller's tenant."""
        found = await self._tasks.load(task_id)
        return None if found is None else task_shapes.human_task(found)

    async def trail(self, task_id: UUID) -> Sequence[AuditTrailEntry]:
        """Steps of a task, oldest first."""
        return [task_shapes.trail_entry(entry) for entry in await self._trails.load(task_id) or ()]

    async def comments(self, task_id: UUID) -> Sequence[HumanTaskComment]:
        """Comments of a task, oldest first."""
        return [task_shapes.comment(comment) for comment in await self._comments.load(task_id) or ()]

    async def human_tasks(self, execution_id: UUID, page: PageArguments) -> Connection[HumanTask]:
        """Tasks of an execution, newest first."""
        found = await self._tasks_of.load(execution_id) or ()
        part = slice_of(found, page_request(page), lambda task: str(task.id))
        return shapes.connection(part, task_shapes.human_task)


def _loader(actor: Actor, fetch: Fetch[Found], *, cached: bool) -> DataLoader[UUID, Found | None]:
    async def load(keys: list[UUID]) -> list[Found | None]:
        try:
            found = await fetch(actor, keys)
        except Denied:
            return [None] * len(keys)
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load, cache=cached, max_batch_size=500)
