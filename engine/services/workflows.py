"""Use cases of workflows: drafts, publishing, versions."""

from collections.abc import Sequence
from uuid import UUID

from engine.errors import Fault
from engine.identity.actor import Actor
from engine.jsonvalue import Json
from engine.services.requests import PublishRequest
from engine.services.values import PageRequest, Slice, Version, Workflow, WorkflowFilter


class Workflows:
    """What callers do with workflows. Every method acts within the actor's tenant."""

    async def create(self, actor: Actor, definition: Json, idempotency_key: str | None = None) -> Workflow:
        """Store a new draft."""
        raise NotImplementedError

    async def validate(self, actor: Actor, definition: Json) -> tuple[Fault, ...]:
        """All faults of a document; nothing is stored."""
        raise NotImplementedError

    async def get(self, actor: Actor, workflow_id: UUID) -> Workflow:
        """One workflow, archived ones too."""
        raise NotImplementedError

    async def get_many(self, actor: Actor, workflow_ids: Sequence[UUID]) -> dict[UUID, Workflow]:
        """Those of the ids that exist and may be read, in one query."""
        raise NotImplementedError

    async def list(self, actor: Actor, wanted: WorkflowFilter, page: PageRequest) -> Slice[Workflow]:
        """Workflows, newest first."""
        raise NotImplementedError

    async def update(
        self, actor: Actor, workflow_id: UUID, definition: Json, expected_revision: int | None = None
    ) -> Workflow:
        """Replace the draft."""
        raise NotImplementedError

    async def archive(self, actor: Actor, workflow_id: UUID) -> Workflow:
        """Take a workflow out of use; its versions and executions stay."""
        raise NotImplementedError

    async def publish(self, actor: Actor, workflow_id: UUID, request: PublishRequest) -> Version:
        """Make the draft an immutable version."""
        raise NotImplementedError

    async def version(self, actor: Actor, workflow_id: UUID, version: str) -> Version:
        """One published version."""
        raise NotImplementedError

    async def versions(self, actor: Actor, workflow_id: UUID, page: PageRequest) -> Slice[Version]:
        """Published versions, newest first."""
        raise NotImplementedError
