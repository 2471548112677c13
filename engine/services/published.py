"""What executions run: published versions, read once and kept, because they never change.

What does change (which version is the latest, whether the workflow is active) is kept too, but only believed until the
statement that accepts an execution has confirmed it.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar
from uuid import UUID

from engine.actions.json_schemas import CompiledSchema, compile_schema
from engine.definitions.building import build_definition
from engine.definitions.catalogue import ActionCatalogue
from engine.definitions.model import Definition
from engine.errors import Conflict, NotFound
from engine.jsonvalue import JsonObject
from engine.runtime.plan import Plan, compile_plan
from engine.services.contents import contents_of
from engine.services.facts import workflow_missing
from engine.store import versions, workflows
from engine.store.database import Database
from engine.store.versions import VersionRow
from engine.store.workflows import WorkflowRow

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEPT_WORKFLOWS = 2_000
KEPT_VERSIONS = 500


class Newest(Generic[K, V]):
    """A bounded store that forgets what was not used for longest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """What is kept under a key."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep a value."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def forget(self, key: K) -> None:
        """Keep it no longer."""
        self._values.pop(key, None)


@dataclass(frozen=True, slots=True)
class Runnable:
    """A published version, ready to run.

    Attributes:
        input_schema: None: any trigger data will do.
        contents: what it is made of, as policy sees it.
    """

    version: str
    content_hash: str
    definition: Definition
    plan: Plan
    input_schema: CompiledSchema | None
    contents: JsonObject


class Published:
    """Published versions and the workflows that they belong to, by tenant."""

    def __init__(self, database: Database, catalogue: Callable[[], ActionCatalogue]) -> None:
        self._database = database
        self._catalogue = catalogue
        self._workflows: Newest[tuple[str, UUID], WorkflowRow] = Newest(KEPT_WORKFLOWS)
        self._hashes: Newest[tuple[str, UUID, str], str] = Newest(KEPT_WORKFLOWS)
        self._runnables: Newest[str, Runnable] = Newest(KEPT_VERSIONS)

    async def workflow(self, tenant: str, workflow_id: UUID) -> WorkflowRow:
        """A workflow as it was when it was last read, perhaps a while ago; see `forget`.

        Raises:
            NotFound: there is none.
        """
        kept = self._workflows.get((tenant, workflow_id))
        if kept is not None:
            return kept
        async with self._database.transaction(tenant) as connection:
            row = await workflows.find(connection, tenant, workflow_id)
        if row is None:
            raise workflow_missing(workflow_id)
        lean = replace(row, definition=_what_policy_sees(row))
        self._workflows.put((tenant, workflow_id), lean)
        return lean

    def forget(self, tenant: str, workflow_id: UUID) -> None:
        """Read a workflow anew the next time: it has changed."""
        self._workflows.forget((tenant, workflow_id))

    async def latest(self, row: WorkflowRow) -> Runnable:
        """The version that a workflow runs by default.

        Raises:
            Conflict: it is archived, not active, or was never published.
        """
        refuse_unrunnable(row)
        if row.latest_version is None:
            raise Conflict("The workflow was never published.", code="workflow.not_published")
        return await self.version(row.tenant, row.id, row.latest_version)

    async def version(self, tenant: str, workflow_id: UUID, version: str) -> Runnable:
        """A version by its number.

        Raises:
            NotFound: the workflow has no such version.
        """
        content_hash = self._hashes.get((tenant, workflow_id, version))
        runnable = None if content_hash is None else self._runnables.get(f"{version}:{content_hash}")
        if runnable is not None:
            return runnable
        async with self._database.transaction(tenant) as connection:
            row = await versions.find(connection, tenant, workflow_id, version)
        if row is None:
            raise NotFound("version", version)
        runnable = self._prepare(row)
        self._hashes.put((tenant, workflow_id, version), row.content_hash)
        self._runnables.put(f"{version}:{row.content_hash}", runnable)
        return runnable

    def _prepare(self, row: VersionRow) -> Runnable:
        definition = build_definition(row.definition, self._catalogue())
        schema = definition.input_schema
        return Runnable(
            version=row.version,
            content_hash=row.content_hash,
            definition=definition,
            plan=compile_plan(definition),
            input_schema=None if schema is None else compile_schema(schema),
            contents=contents_of(row.definition),
        )


def refuse_unrunnable(row: WorkflowRow) -> None:
    """Whether executions of a workflow may start.

    Raises:
        Conflict: it is archived or not active.
    """
    if row.status == "archived":
        raise Conflict("The workflow is archived.", code="workflow.archived")
    if not row.is_active:
        raise Conflict("The workflow is not active.", code="workflow.inactive")


def _what_policy_sees(row: WorkflowRow) -> JsonObject:
    """Of a draft, only what decisions rest on is kept: drafts may be large, and nothing runs them."""
    return {name: value for name, value in row.definition.items() if name == "requireSeparatePublisher"}
