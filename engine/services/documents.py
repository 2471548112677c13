"""Documents on their way in: checked whole, brought into the form that is stored."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from engine.clock import rfc3339
from engine.definitions.catalogue import ActionCatalogue
from engine.definitions.checking import Checked, check
from engine.definitions.hashing import content_hash, content_of
from engine.definitions.model import Definition
from engine.definitions.subworkflows import Subworkflow, called_workflows
from engine.errors import Fault, ValidationFailed
from engine.jsonvalue import Json, JsonObject
from engine.store.database import Database, Transaction
from engine.store.versions import CallableRow, find_callable
from engine.store.workflows import DraftContent, WorkflowRow

SERVER_MEMBER = "member.set_by_server"
DEEPEST_CALLS = 32


@dataclass(frozen=True, slots=True)
class Draft:
    """A document without faults: what is stored of it, and its typed form."""

    content: DraftContent
    definition: Definition


class Documents:
    """Checks documents against what this installation and the tenant have."""

    def __init__(self, database: Database, catalogue: Callable[[], ActionCatalogue]) -> None:
        self._database = database
        self._catalogue = catalogue

    async def faults(self, tenant: str, row: WorkflowRow | None, document: Json) -> tuple[Fault, ...]:
        """All faults of a document. `row`: the workflow whose draft it would replace."""
        return (await self._checked(tenant, row, document)).faults

    async def draft(self, tenant: str, row: WorkflowRow | None, document: Json) -> Draft:
        """A document in the form in which it is stored.

        Raises:
            ValidationFailed: it has faults; all are named.
        """
        checked = await self._checked(tenant, row, document)
        definition = checked.definition
        if definition is None or checked.faults:
            raise ValidationFailed(checked.faults)
        # `version` and `isActive` stand beside the draft: publishing decides the one, the row holds the other.
        stored = content_of(checked.normalised)
        content = DraftContent(
            name=definition.name,
            description=definition.description,
            definition=stored,
            draft_hash=content_hash(stored),
            is_active=definition.is_active,
            labels=definition.labels,
            classification=definition.classification,
            environment=definition.environment,
        )
        return Draft(content, definition)

    async def _checked(self, tenant: str, row: WorkflowRow | None, document: Json) -> Checked:
        faults: tuple[Fault, ...] = ()
        if row is not None and isinstance(document, dict):
            faults = tuple(_server_member_faults(row, document))
            document = {name: value for name, value in document.items() if name not in _as_read(row)}
        workflow_id = None if row is None else str(row.id)
        checked = check(document, self._catalogue(), workflow_id=workflow_id)
        calls = called_workflows(checked.normalised)
        if calls:
            reachable = await self._reachable(tenant, calls)
            checked = check(document, self._catalogue(), workflow_id=workflow_id, subworkflows=reachable)
        if not faults:
            return checked
        return Checked(None, checked.normalised, (*faults, *checked.faults))

    async def _reachable(self, tenant: str, calls: frozenset[str]) -> dict[str, Subworkflow]:
        """Published workflows that a document starts, and those that they start in turn."""
        found: dict[str, Subworkflow] = {}
        async with self._database.transaction(tenant) as connection:
            wanted = calls
            for _ in range(DEEPEST_CALLS):
                if not wanted:
                    break
                for row in await _find(connection, tenant, wanted):
                    found[str(row.workflow_id)] = Subworkflow(
                        name=row.name, calls=called_workflows(row.definition), versions=frozenset(row.versions)
                    )
                wanted = frozenset(called for one in found.values() for called in one.calls) - found.keys()
        return found


async def _find(connection: Transaction, tenant: str, wanted: frozenset[str]) -> tuple[CallableRow, ...]:
    identifiers = [identifier for text in sorted(wanted) if (identifier := _uuid(text)) is not None]
    return await find_callable(connection, tenant, identifiers)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _as_read(row: WorkflowRow) -> JsonObject:
    """Members that only the server sets, as readers get them."""
    return {
        "id": str(row.id),
        "status": row.status,
        "revision": row.revision,
        "createdBy": row.created_by,
        "createdAt": rfc3339(row.created_at),
        "updatedAt": rfc3339(row.updated_at),
        "publishedVersion": row.latest_version,
    }


def _server_member_faults(row: WorkflowRow, document: JsonObject) -> Iterator[Fault]:
    """Members that were sent back changed. `revision` is compared before: it tells a lost race."""
    for name, value in _as_read(row).items():
        if name != "revision" and name in document and document[name] != value:
            message = f"{name!r} is set by the server and cannot be changed."
            yield Fault(SERVER_MEMBER, f"/{name}", message, "Send it back as it was read, or leave it out.")
