"""`SELECT steps FROM workflow_executions` is right at any moment of a run, for any reader of SQL."""

import asyncio
import json
from uuid import UUID

import asyncpg

from engine.jsonvalue import Json, JsonObject
from tests.workers.actions import Turnstile
from tests.workers.conftest import PATIENCE_S, Reader, StartWorker
from tests.workers.seeding import accept, chain, document, publish, step

EXECUTIONS = 6
STEPS = "select id, status, steps from workflow_executions where id = any($1)"
ROWS = """
select execution_id, seq, step_path, iteration, status, attempt, generation from step_checkpoints
 where execution_id = any($1) and step_path <> '' order by execution_id, seq
"""
LAST_STATUS = """
select distinct on (execution_id) execution_id, status from step_checkpoints
 where execution_id = any($1) and step_path = '' order by execution_id, seq desc
"""


def body() -> JsonObject:
    """A loop whose body waits, in front of a chain: steps with and without iterations."""
    pauses: list[Json] = [step("pause", ("note",), "delay", {"delayMs": 20}), step("note")]
    loop: JsonObject = {"iterateOver": "triggerData.items", "maxIterations": 10, "concurrency": 2, "body": pauses}
    call: JsonObject = {"actionType": "turnstile", "actionConfig": {}}
    return document([step("each", ("s0",), "loop", loop), *chain(12, call)])


async def test_every_look_during_a_run_shows_the_newest_checkpoint_of_each_step(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    turnstile = Turnstile()
    ids = await accept(database_url, await publish(database_url, body()), EXECUTIONS, {"items": [1, 2, 3, 4]})
    looks: set[str] = set()

    async with start_worker(turnstile) as worker:
        await worker.bell.ring("default", ids)
        async with asyncio.timeout(PATIENCE_S):
            through = 0
            while not await _look(reader.connection, ids, looks):
                if len(turnstile.calls) > through:  # else it would run ahead of the next look
                    turnstile.let_through(2)
                    through += 2

    assert len(looks) > 20  # it was looked at in mid-run, again and again


async def _look(connection: asyncpg.Connection, ids: list[UUID], looks: set[str]) -> bool:
    """Compare the view with the newest rows of the history, both as of one moment. Returns whether all have ended."""
    async with connection.transaction(isolation="repeatable_read"):
        views = {row["id"]: row for row in await connection.fetch(STEPS, ids)}
        rows = await connection.fetch(ROWS, ids)
        ends = {row["execution_id"]: row["status"] for row in await connection.fetch(LAST_STATUS, ids)}
    newest: dict[UUID, dict[tuple[str, str], asyncpg.Record]] = {execution_id: {} for execution_id in ids}
    for row in rows:
        newest[row["execution_id"]][row["step_path"], row["iteration"]] = row  # in the order of first appearance
    for execution_id, view in views.items():
        shown = [
            (each["path"], each["iteration"] or "", each["status"], each["attempt"], each["generation"], each["seq"])
            for each in json.loads(view["steps"])
        ]
        assert shown == [
            (row["step_path"], row["iteration"], row["status"], row["attempt"], row["generation"], row["seq"])
            for row in newest[execution_id].values()
        ]
        assert view["status"] == ends.get(execution_id, view["status"])
    looks.add(str([len(rows), *ends.values()]))
    return all(view["status"] == "completed" for view in views.values())
