"""Notifications of `settings.notifications`, through real workers."""

import asyncio
from typing import Any

import asyncpg
import pytest

from engine.actions.interface import ActionContext, Effect, Failed, Result, Succeeded
from engine.actions.registry import ActionRegistry, inline_actions
from engine.clock import SystemClock
from engine.queue.link import connect
from engine.store.database import Database
from tests.federation.edge import open_edge, workflow
from workers.config import WorkerConfig
from workers.worker import Surroundings, Worker


class Api:
    """Stands where the `api` action does, and keeps what it was asked to say."""

    name = "api"
    effect = Effect.WRITE

    def __init__(self, *results: Result) -> None:
        self.config_schema: dict[str, Any] = {"type": "object"}
        self.results = list(results)
        self.asked: list[ActionContext] = []

    async def run(self, context: ActionContext) -> Result:
        self.asked.append(context)
        return self.results.pop(0) if self.results else Succeeded({})


def telling(**hooks: Any) -> Any:
    return workflow("telling", settings={"notifications": hooks})


def say(text: str) -> dict[str, Any]:
    return {"actionType": "api", "actionConfig": {"url": "https://chat.test", "body": {"text": text}}}


@pytest.mark.parametrize("outcome", [Succeeded({}), Failed("http.400", "No.")])
async def test_start_and_end_are_told_through_actions(
    database_url: str, database: Database, superuser: asyncpg.Connection, redis_url: str, outcome: Result
) -> None:
    api = Api(outcome, outcome)
    link = await connect(redis_url)
    surroundings = Surroundings(database, link, ActionRegistry((*inline_actions(), api)), SystemClock())
    worker = Worker(surroundings, WorkerConfig(sweep_s=0.05, drain_s=2.0))
    async with open_edge(database_url) as edge:
        told = telling(
            onStart=say("begun"), onComplete=[say("{{event.status}} {{event.executionId}}")], onError=say("x")
        )
        execution = await edge.executed(told)
        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(60):
            waiting = "select count(*) from outbox where topic = 'notification'"
            while len(api.asked) < 2 or await superuser.fetchval(waiting):  # noqa: ASYNC110 - a table tells nobody
                await asyncio.sleep(0.02)
        worker.stop()
        await task
    buried = await superuser.fetchval(
        "select count(*) from dead_letters where kind = 'outbox' and subject_id = $1", f"notification:{execution['id']}"
    )
    await link.close()

    texts = {context.config["body"]["text"] for context in api.asked}  # type: ignore[call-overload,index]
    assert texts == {"begun", f"completed {execution['id']}"}
    assert len({context.idempotency_key for context in api.asked}) == 2
    assert buried == (2 if isinstance(outcome, Failed) else 0)
