"""Watchers of tasks are told at once, by whichever process took the step: nothing but words wakes them here."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.queue import changes
from engine.queue.changes import Listener, Teller
from engine.queue.link import Link
from engine.services.task_values import TaskEvent, TaskWatch
from tests.federation.edge import Edge, open_edge, workflow
from tests.workers.conftest import PATIENCE_S, Reader, StartWorker

NEVER_S = 3_600.0
GROUP = "watched"
ADA = Actor("acme", "ada", frozenset({"admin"}))


@pytest.fixture(autouse=True)
def _words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "LOOK_SOON_S", NEVER_S)
    monkeypatch.setattr(changes, "LOOK_AGAIN_S", NEVER_S)
    monkeypatch.setattr(changes, "DEAF_S", 0.0)


@pytest.fixture
async def watching(database_url: str, redis_url: str) -> AsyncIterator[Edge]:
    """The process at which people watch."""
    listener = Listener(redis_url)
    async with open_edge(database_url, watch=listener.watch) as edge:
        yield edge
    await listener.close()


@pytest.fixture
async def acting(database_url: str, link: Link) -> AsyncIterator[Edge]:
    """Another one, at which they act."""
    teller = Teller(link)
    async with open_edge(database_url, tell=teller.tell) as edge:
        yield edge
    await teller.close()


async def gather_into(seen: asyncio.Queue[TaskEvent], edge: Edge) -> None:
    async for event in edge.services.human_tasks.events(ADA, TaskWatch(candidate_group=GROUP)):
        seen.put_nowait(event)


async def open_task(edge: Edge, **body: object) -> str:
    made = await edge.rest("POST", "/api/human-tasks", {"title": "Look", "candidateGroups": [GROUP], **body})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def until_heard(seen: asyncio.Queue[TaskEvent], edge: Edge) -> None:
    """Open tasks until one is heard of: nothing else says that the watch has begun."""
    while True:
        await open_task(edge)
        try:
            await asyncio.wait_for(seen.get(), 0.5)
        except TimeoutError:
            continue
        return


async def story_of(task_id: str, seen: asyncio.Queue[TaskEvent], last: str) -> list[tuple[int, str]]:
    """Steps of one task in the order in which they came, up to `last`."""
    found: list[tuple[int, str]] = []
    async with asyncio.timeout(PATIENCE_S):
        while not found or found[-1][1] != last:
            event = await seen.get()
            if str(event.task.id) == task_id:
                found.append((event.entry.seq, event.entry.action))
    return found


async def test_every_step_is_told_of(watching: Edge, acting: Edge, start_worker: StartWorker, reader: Reader) -> None:
    seen: asyncio.Queue[TaskEvent] = asyncio.Queue()
    task = asyncio.create_task(gather_into(seen, watching))
    await asyncio.wait_for(until_heard(seen, acting), PATIENCE_S)

    by_people = await open_task(acting)
    claimed = await acting.rest("POST", f"/api/human-tasks/{by_people}/claim", claims={"groups": [GROUP]})
    assert claimed.status_code == 200, claimed.text
    assert await story_of(by_people, seen, "claim") == [(1, "create"), (2, "activate"), (3, "claim")]

    async with start_worker(sweep_s=0.05, sweep_age_s=0.0):
        config: JsonObject = {"title": "Look", "candidateGroups": [GROUP], "sla": {"startMs": 1}}
        step: JsonObject = {"id": "ask", "name": "Ask", "type": "human", "config": config}
        execution = await acting.executed(workflow("asking", steps=[step]))
        # Its worker opens the task and fires its clock; the end of the execution takes it away.
        of_step = "select id from human_tasks where execution_id = $1"
        await reader.until(of_step, UUID(execution["id"]))
        task_id = str(await reader.connection.fetchval(of_step, UUID(execution["id"])))
        assert await story_of(task_id, seen, "breach") == [(1, "create"), (2, "activate"), (3, "breach")]
        await acting.rest("POST", f"/api/executions/{execution['id']}/cancel", {})
        assert await story_of(task_id, seen, "obsolete") == [(4, "obsolete")]
    task.cancel()
    await asyncio.wait({task})
