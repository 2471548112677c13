"""Deadlines of tasks over months, on a clock that only the test moves; and what a crash in between leaves."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.services.assembly import tell_nobody
from engine.services.identifiers import uuid7_factory
from engine.services.services import Services
from engine.services.task_clocks import TaskClocks
from engine.services.task_values import AssignRequest, CompleteRequest, CreateTaskRequest, HumanTask, ReasonRequest
from engine.store.database import Database
from engine.store.task_events import ESCALATED, SLA_BREACHED, SLA_WARNING
from engine.tasks.states import TaskStatus
from tests.clock import FakeClock
from tests.services.conftest import RecordingBell

DAY_MS = 24 * 3_600_000
DAY = timedelta(days=1)


@pytest.fixture
async def clocks(database: Database, bell: RecordingBell, clock: FakeClock) -> TaskClocks:
    async with database.loop_transaction() as connection:
        await connection.execute(text("delete from timers"))
    return TaskClocks(database, bell, clock, uuid7_factory(clock), tell_nobody)


async def opened(services: Services, admin: Actor, **config: Any) -> HumanTask:
    return await services.human_tasks.create(admin, CreateTaskRequest(title="Look", config=config))


async def story(services: Services, admin: Actor, task_id: UUID) -> list[tuple[int, str, str]]:
    """Day, action and state of each step after the opening."""
    task = await services.human_tasks.get(admin, task_id)
    assert task.trail is not None
    assert [entry.seq for entry in task.trail] == list(range(1, len(task.trail) + 1))
    return [((e.at - task.created_at).days, e.action, e.to_status.value) for e in task.trail[2:]]


async def parcels(database: Database, admin: Actor) -> list[tuple[str, JsonObject]]:
    """What was said of clocks and levels."""
    statement = text("select topic, payload from outbox where topic like 'human_task.%' order by created_at, id")
    async with database.transaction(admin.tenant) as connection:
        rows = await connection.execute(statement)
        return [(row.topic, row.payload) for row in rows if row.topic in {SLA_WARNING, SLA_BREACHED, ESCALATED}]


async def live(clocks: TaskClocks, clock: FakeClock, days: int) -> None:
    """Day by day, as a worker that looks once a day."""
    for _ in range(days):
        clock.advance(DAY)
        while await clocks.run_once():
            pass


async def test_half_a_year_of_a_task_that_nobody_takes(
    services: Services, admin: Actor, clock: FakeClock, clocks: TaskClocks, database: Database
) -> None:
    task = await opened(
        services,
        admin,
        candidateGroups=["support"],
        priority="low",
        sla={"startMs": 10 * DAY_MS, "completionMs": 100 * DAY_MS, "warnAtPct": 50},
        escalation=[
            {"afterMs": 20 * DAY_MS, "action": "raisePriority", "repeatMs": 30 * DAY_MS},
            {"afterMs": 30 * DAY_MS, "action": "addCandidates", "groups": ["leads"]},
            {"afterMs": 60 * DAY_MS, "action": "reassign", "assignees": ["boss"]},
            {"afterMs": 150 * DAY_MS, "action": "fail"},
        ],
    )
    await live(clocks, clock, 180)

    assert await story(services, admin, task.id) == [
        (5, "warn", "pending"),
        (10, "breach", "pending"),
        (20, "escalate", "pending"),
        (30, "escalate", "pending"),
        (50, "warn", "pending"),
        (50, "escalate", "pending"),
        (60, "escalate", "assigned"),
        (80, "escalate", "assigned"),
        (100, "breach", "assigned"),
        (110, "escalate", "assigned"),
        (140, "escalate", "assigned"),
        (150, "escalate", "failed"),
    ]
    ended = await services.human_tasks.get(admin, task.id)
    assert (ended.status, ended.owner, ended.priority.name, ended.sla_breached) == (
        TaskStatus.FAILED, "boss", "CRITICAL", True)  # fmt: skip
    told = await parcels(database, admin)
    assert [topic for topic, _ in told].count("human_task.sla_breached") == 2
    assert [p["details"]["clock"] for t, p in told if t == "human_task.sla_breached"] == ["start", "completion"]  # type: ignore[call-overload,index]
    assert told[0][1]["taskId"] == str(task.id)
    async with database.transaction(admin.tenant) as connection:
        left = (await connection.execute(text("select count(*) from timers"))).scalar_one()
    assert left == 0


async def test_who_starts_and_completes_in_time_hears_nothing(
    services: Services, admin: Actor, tenant: str, clock: FakeClock, clocks: TaskClocks, database: Database
) -> None:
    ann = Actor(tenant, "ann", frozenset({"approver"}))
    sla = {"startMs": 10 * DAY_MS, "completionMs": 100 * DAY_MS, "warnAtPct": 90}
    task = await opened(services, admin, assignees=["ann"], sla=sla)
    await live(clocks, clock, 8)
    await services.human_tasks.start(ann, task.id, ReasonRequest())
    await live(clocks, clock, 80)
    await services.human_tasks.complete(ann, task.id, CompleteRequest())
    await live(clocks, clock, 100)
    assert await story(services, admin, task.id) == [(8, "start", "in_progress"), (88, "complete", "completed")]
    assert await parcels(database, admin) == []


async def test_suspending_stops_no_clock_and_late_is_marked_before_anybody_looked(
    services: Services, admin: Actor, tenant: str, clock: FakeClock, clocks: TaskClocks, database: Database
) -> None:
    ann = Actor(tenant, "ann", frozenset({"approver"}))
    held = await opened(services, admin, assignees=["ann"], dueInMs=DAY_MS)
    late = await opened(services, admin, assignees=["ann"], dueInMs=DAY_MS)
    await services.human_tasks.suspend(ann, held.id, ReasonRequest())
    clock.advance(2 * DAY)
    done = await services.human_tasks.complete(ann, late.id, CompleteRequest())
    assert (done.status, done.sla_breached) == (TaskStatus.COMPLETED, True)
    assert await clocks.run_once() == 1
    assert (await services.human_tasks.get(admin, held.id)).sla_breached
    assert [topic for topic, _ in await parcels(database, admin)] == ["human_task.sla_breached"] * 2


async def test_each_timer_fires_once_however_many_look(
    services: Services, admin: Actor, clock: FakeClock, clocks: TaskClocks, database: Database, bell: RecordingBell
) -> None:
    level = {"afterMs": DAY_MS, "action": "notify", "assignees": ["ops@example.org", "ann"]}
    ids = [(await opened(services, admin, dueInMs=DAY_MS, escalation=[level])).id for _ in range(10)]
    clock.advance(DAY)
    others = [TaskClocks(database, bell, clock, uuid7_factory(clock), tell_nobody) for _ in range(4)]
    fired = await asyncio.gather(clocks.run_once(), *(other.run_once() for other in others))
    assert sum(fired) == 10
    for task_id in ids:
        assert await story(services, admin, task_id) == [(1, "breach", "pending"), (1, "escalate", "pending")]
    # Each level asks for its mail once, to those who have an address.
    asked = text(
        "select subject_id, payload -> 'actionConfig' -> 'to' as people from outbox where topic = 'notification'"
    )
    async with database.transaction(admin.tenant) as connection:
        mails = [(row.subject_id, row.people) for row in await connection.execute(asked)]
    assert sorted(mails) == sorted((str(task_id), ["ops@example.org"]) for task_id in ids)


async def test_what_broke_off_in_the_middle_is_fired_again_whole(
    services: Services, admin: Actor, clock: FakeClock, clocks: TaskClocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await opened(services, admin, dueInMs=DAY_MS)
    clock.advance(DAY)

    async def breaks(*_: object) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr("engine.services.task_writer.append", breaks)
    with pytest.raises(RuntimeError):
        await clocks.run_once()
    monkeypatch.undo()
    assert await services.human_tasks.get(admin, task.id) == task
    assert await clocks.run_once() == 1
    assert await story(services, admin, task.id) == [(1, "breach", "pending")]


async def test_an_escalation_looks_at_the_owner_of_the_moment(
    services: Services, admin: Actor, clock: FakeClock, clocks: TaskClocks
) -> None:
    levels = [{"afterMs": DAY_MS, "action": "reassign", "assignees": ["cy"]}]
    task = await opened(services, admin, assignees=["ann"], escalation=levels)
    await services.human_tasks.assign(admin, task.id, AssignRequest(assignee=f"b-{uuid4()}"))
    await live(clocks, clock, 1)
    now = await services.human_tasks.get(admin, task.id)
    assert (now.owner, now.assignees, now.escalation_level) == ("cy", ("cy",), 1)
