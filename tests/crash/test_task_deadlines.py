"""A deadline of a person passes while every worker is dead: it bites as soon as one lives again, and once."""

import json
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from engine.jsonvalue import JsonObject
from engine.store.migrate import migrate
from tests.crash.fleet import Fleet
from tests.crash.servers import running_servers
from tests.federation.edge import open_edge
from tests.workers.conftest import Reader

pytestmark = [pytest.mark.processes, pytest.mark.server]
ASK: JsonObject = {
    "id": "ask",
    "name": "Ask",
    "type": "human",
    "config": {
        "candidateGroups": ["approvers"],
        "sla": {"startMs": 2_500, "completionMs": 3_000},
        "escalation": [{"afterMs": 3_500, "action": "reassign", "assignees": ["boss"]}],
    },
}


async def test_a_deadline_bites_once_although_its_worker_was_killed(servers_folder: Path, tmp_path: Path) -> None:
    with running_servers(servers_folder / "deadlines") as servers:
        await migrate(servers.database_url)
        reader = Reader(await asyncpg.connect(servers.superuser_url))
        environment = {
            "MAESTRO_DATABASE_URL": servers.database_url,
            "MAESTRO_REDIS_URL": servers.redis_url,
            "MAESTRO_DATA_DIR": str(tmp_path),
            "MAESTRO_JWT_SECRET": "the-shared-secret-of-these-tests-is-long",
        }
        fleet = Fleet(environment, tmp_path / "workers.log", 1)
        try:
            async with open_edge(servers.database_url) as edge:
                execution = await edge.executed({"name": "ask", "steps": [ASK]})
            fleet.fill()
            opened = "select 1 from human_tasks where execution_id = $1"
            await reader.until(opened, UUID(execution["id"]))
            fleet.kill_all()
            task_id = await reader.connection.fetchval("select id from human_tasks")
            # All of it comes due while nobody is there to look.
            await reader.until("select 1 from timers where subject_id = $1 having max(due_at) < now()", task_id)
            fleet.fill()
            await reader.until("select 1 from human_tasks where owner = 'boss'")
        finally:
            fleet.kill_all()
        trail = await reader.connection.fetch("select seq, action, details from human_task_audit order by seq")
        left = await reader.connection.fetchval("select count(*) from timers where subject_id = $1", task_id)
        await reader.connection.close()

    actions = ["create", "activate", "breach", "breach", "escalate"]
    assert [(row["seq"], row["action"]) for row in trail] == list(enumerate(actions, 1))
    assert {json.loads(row["details"])["clock"] for row in trail[2:4]} == {"start", "completion"}
    assert left == 0
