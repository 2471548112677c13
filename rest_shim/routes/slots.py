"""`/api/workflows/{id}/slots`."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.errors import NotFound
from engine.services.slots import Slot
from rest_shim.call import Call
from rest_shim.models.paging import WHOLE_HEADERS, whole_headers
from rest_shim.nouns import Noun
from rest_shim.shapes import wire
from rest_shim.table import Answer, Method, Reply, Route


@dataclass(frozen=True, slots=True)
class SlotBody:
    """One slot that is taken; it is free again when its execution ends."""

    slot: int = wire("Its number, from 1.")
    execution_id: UUID = wire("Who holds it.")
    taken_at: datetime = wire("Since when.")

    @classmethod
    def of(cls, value: Slot) -> "SlotBody":
        """Body of a slot."""
        return cls(value.slot, value.execution_id, value.taken_at)


async def find(call: Call) -> Answer:
    """Slots of a workflow that are taken."""
    found = await call.services.slots.list(call.actor, call.id(Noun.WORKFLOW))
    return Answer([SlotBody.of(each) for each in found], headers=whole_headers(found))


ROUTES: tuple[Route, ...] = (
    Route(
        Method.GET,
        "/api/workflows/{id}/slots",
        "listWorkflowSlots",
        "Who holds the slots of a workflow that limits how many executions run at once (`settings.concurrency`).",
        find,
        {200: Reply("The slots that are taken.", tuple[SlotBody, ...], WHOLE_HEADERS)},
        "workflows",
        refusals=(NotFound,),
        action="workflow.read",
    ),
)
