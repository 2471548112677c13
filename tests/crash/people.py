"""People of a round: they send signals, attend to tasks, and say what became of steps that are in doubt."""

import asyncio
from uuid import UUID

import asyncpg

from tests.crash.stage import Round

_TASKS = "select id from human_tasks where tenant_id = $1 and status in ('pending', 'assigned', 'in_progress')"
_DOUBTS = """
select execution_id, step_path from (
    select distinct on (c.execution_id, c.step_path) c.execution_id, c.step_path, c.status
      from step_checkpoints c join executions e on e.id = c.execution_id
     where c.tenant_id = $1 and e.status = 'running' and c.step_path <> ''
     order by c.execution_id, c.step_path, c.seq desc) newest
 where status = 'in_doubt'
"""


async def attend_to_people(played: Round) -> None:
    """Look around now and then, for ever; servers come and go meanwhile."""
    while True:
        await asyncio.sleep(0.1 + 0.3 * played.front.chance.random())
        due, played.waiting = played.waiting, []
        for execution_id in due:
            await played.front.signal(execution_id)
        tasks, doubts = await played.insist(lambda connection: _look(connection, played.tenant))
        for task_id in tasks:
            await played.front.attend(task_id)
        for execution_id, step in doubts:
            happened = (str(execution_id), step) in played.receiver.requests()
            await played.front.resolve(execution_id, step, happened=happened)


async def _look(connection: asyncpg.Connection, tenant: str) -> tuple[list[UUID], list[tuple[UUID, str]]]:
    tasks = [row["id"] for row in await connection.fetch(_TASKS, tenant)]
    doubts = [(row["execution_id"], row["step_path"]) for row in await connection.fetch(_DOUBTS, tenant)]
    return tasks, doubts
