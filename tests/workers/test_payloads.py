"""Outputs of steps: up to the limit they are kept, apart from the rows; beyond it the step fails and says so."""

import json
import secrets

from engine.actions.interface import Succeeded
from tests.workers.actions import Answer
from tests.workers.conftest import Reader, StartWorker
from tests.workers.seeding import accept, document, publish, step
from workers.payloads import LIMIT

FRAME = len('{"text":""}')
LARGE = 1 << 20
PAGE = 8_192
APART = """
select pg_relation_size(oid) as rows, pg_relation_size(reltoastrelid) as apart from pg_class where oid = $1::regclass
"""


async def test_the_largest_output_is_kept_and_one_byte_more_fails_its_step(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    body = document([step("call", config={"actionType": "answer", "actionConfig": {}})])
    version = await publish(database_url, body)
    seen = []
    for extra in ("", "x"):
        answer = Answer(Succeeded({"text": "x" * (LIMIT - FRAME) + extra}))
        [execution_id] = await accept(database_url, version)
        async with start_worker(answer) as worker:
            await worker.bell.ring("default", [execution_id])
            await reader.until_status([execution_id], "completed", "failed")
        seen.append((await reader.checkpoints(execution_id))[-2])

    kept, failed = seen
    assert (kept["status"], len(kept["output"])) == ("completed", LIMIT)
    assert (failed["status"], failed["output"]) == ("failed", None)
    failure = json.loads(failed["failure"])
    assert (failure["code"], failure["details"]) == ("step.output_too_large", {"bytes": LIMIT + 1, "limit": LIMIT})


async def test_a_large_output_lies_apart_from_the_rows_that_each_replay_reads(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    answer = Answer(Succeeded({"text": secrets.token_hex(LARGE // 2)}))  # random: it cannot be pressed together
    version = await publish(database_url, document([step("call", config={"actionType": "answer", "actionConfig": {}})]))
    [execution_id] = await accept(database_url, version)
    async with start_worker(answer) as worker:
        await worker.bell.ring("default", [execution_id])
        await reader.until_status([execution_id], "completed")

    table = await reader.connection.fetchval(
        "select tableoid::regclass::text from step_checkpoints where execution_id = $1 limit 1", execution_id
    )
    sizes = await reader.connection.fetchrow(APART, table)
    assert sizes is not None
    assert sizes["rows"] <= 2 * PAGE
    assert sizes["apart"] > LARGE // 2
