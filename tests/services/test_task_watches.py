"""Watching tasks: whose, in which order, none twice, none missing after a break."""

from datetime import timedelta
from uuid import UUID

import pytest

from engine.errors import MalformedRequest
from engine.identity.actor import Actor
from engine.services.services import Services
from engine.services.task_values import CreateTaskRequest, ForwardRequest, ReasonRequest, TaskEvent, TaskWatch
from tests.clock import FakeClock
from tests.services.conftest import Pauses

Step = tuple[UUID, int, str]


async def opened(services: Services, admin: Actor, **config: object) -> UUID:
    request = CreateTaskRequest(title="Look", config=config)  # type: ignore[arg-type] # JSON by construction
    return (await services.human_tasks.create(admin, request)).id


async def watched(
    services: Services, actor: Actor, watch: TaskWatch, count: int, after: str | None = None
) -> list[TaskEvent]:
    found: list[TaskEvent] = []
    events = services.human_tasks.events(actor, watch, after)
    async for event in events:
        found.append(event)
        if len(found) == count:
            break
    return found


def steps_of(events: list[TaskEvent]) -> list[Step]:
    return [(event.task.id, event.entry.seq, event.entry.action) for event in events]


@pytest.fixture
def ann(tenant: str) -> Actor:
    return Actor(tenant, "ann", frozenset({"approver"}), frozenset({"support"}))


async def test_own_tasks_and_those_of_ones_groups_are_watched_from_now_on(
    services: Services, admin: Actor, ann: Actor, pauses: Pauses, clock: FakeClock
) -> None:
    known = await opened(services, admin, candidateGroups=["support"])
    made: list[UUID] = []

    async def move() -> None:
        await opened(services, admin, candidateGroups=["legal"])
        await services.human_tasks.claim(ann, known, ReasonRequest())
        clock.advance(timedelta(seconds=1))  # steps of one instant come in the order of their tasks' ids
        made.append(await opened(services, admin, assignees=["ann"]))
        pauses.move = None

    pauses.move = move
    events = await watched(services, ann, TaskWatch(), 3)
    assert steps_of(events) == [(known, 3, "claim"), (made[0], 1, "create"), (made[0], 2, "activate")]
    assert (events[0].task.owner, pauses.taken) == ("ann", 1)


async def test_a_task_that_is_taken_away_is_followed(
    services: Services, admin: Actor, ann: Actor, pauses: Pauses
) -> None:
    moves = iter(["open", "away", "claim"])
    ids: list[UUID] = []
    dan = Actor(ann.tenant, "dan", frozenset({"approver"}))

    async def move() -> None:
        match next(moves):
            case "open":
                ids.append(await opened(services, admin, assignees=["ann"]))
            case "away":
                await services.human_tasks.forward(ann, ids[0], ForwardRequest(("dan",)))
            case _:
                await services.human_tasks.claim(dan, ids[0], ReasonRequest())

    pauses.move = move
    events = await watched(services, admin, TaskWatch(assignee="ann"), 4)
    assert [event.entry.action for event in events] == ["create", "activate", "forward", "claim"]


async def test_after_a_break_it_goes_on_behind_the_last_event(services: Services, admin: Actor, ann: Actor) -> None:
    first = await opened(services, admin, assignees=["ann", "bob"])
    await services.human_tasks.claim(ann, first, ReasonRequest())
    events = await watched(services, ann, TaskWatch(), 1, f"{first}:1")
    assert steps_of(events) == [(first, 2, "activate")]
    more = await watched(services, ann, TaskWatch(), 1, events[0].id)
    assert steps_of(more) == [(first, 3, "claim")]


@pytest.mark.parametrize("bad", ["", "x", "0193a7c0-0000-7000-8000-000000000000:1"])
async def test_an_id_that_is_none_is_refused(services: Services, ann: Actor, bad: str) -> None:
    with pytest.raises(MalformedRequest):
        await watched(services, ann, TaskWatch(), 1, bad)


async def test_other_tenants_are_not_watched(services: Services, admin: Actor, stranger: Actor, pauses: Pauses) -> None:
    async def move() -> None:
        await opened(services, admin, candidateGroups=["support"])
        await opened(services, stranger, candidateGroups=["support"])
        pauses.move = None

    pauses.move = move
    events = await watched(services, stranger, TaskWatch(candidate_group="support"), 2)
    assert {event.entry.actor for event in events} == {"eve"}
