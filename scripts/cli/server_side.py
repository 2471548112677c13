"""What the server has of a definition file: the workflow of the same name, or of the id that the file names."""

from dataclasses import dataclass
from uuid import UUID

from engine.definitions.changes import Diff
from engine.errors import Conflict
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject, dumps
from engine.services.services import Services
from engine.services.values import PageRequest, Workflow, WorkflowFilter

_PAGE = 200
_MOST_LETTERS = 60


@dataclass(frozen=True, slots=True)
class ServerSide:
    """A workflow, and its latest published definition; None: it was never published."""

    workflow: Workflow
    published: JsonObject | None


async def server_side(services: Services, actor: Actor, document: JsonObject) -> ServerSide | None:
    """The workflow that a document stands for; None: there is none of that name.

    Raises:
        NotFound: the document names an id that is not there.
        Conflict: several workflows have its name, and it names no id.
    """
    workflow = await _workflow(services, actor, document)
    if workflow is None or workflow.published_version is None:
        return None if workflow is None else ServerSide(workflow, None)
    version = await services.workflows.version(actor, workflow.id, workflow.published_version)
    return ServerSide(workflow, version.definition)


async def _workflow(services: Services, actor: Actor, document: JsonObject) -> Workflow | None:
    named, name = document.get("id"), document.get("name")
    if isinstance(named, str):
        return await services.workflows.get(actor, UUID(named))
    if not isinstance(name, str) or not name:
        return None
    found: list[Workflow] = []
    after: str | None = None
    while True:
        page = PageRequest(limit=_PAGE, after=after, count=False)
        part = await services.workflows.list(actor, WorkflowFilter(name), page)
        found.extend(one for one in part.items if one.name == name)
        after = part.next_cursor
        if after is None:
            break
    if len(found) > 1:
        message = f"{len(found)} workflows are called {name!r}: put the id of one into the file, as its member id."
        raise Conflict(message, code="workflow.ambiguous_name")
    return found[0] if found else None


def lines_of(changes: Diff) -> list[str]:
    """A diff for people: one line for each place, the grave ones marked."""
    return [
        f"{change.change_class.value:<10} {change.path}: {_short(shown['before'])} → {_short(shown['after'])}"
        for change in changes.changes
        for shown in (change.as_json(),)
    ]


def _short(value: Json) -> str:
    text = "-" if value is None else dumps(value)
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1] + "…"
