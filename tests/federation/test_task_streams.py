"""`humanTaskUpdated` over a real socket."""

import asyncio
import json
from typing import Any

from tests.federation.edge import Edge, serving, token
from tests.federation.test_streams import connect

TASKS = """subscription ($group: String) { humanTaskUpdated(candidateGroup: $group) {
  eventId id status entry { seq action actor to } humanTask { id status owner title } } }"""


async def test_steps_of_a_groups_tasks_come_as_they_are_taken(edge: Edge) -> None:
    async def open_task(group: str) -> str:
        body = {"title": "Look", "candidateGroups": [group]}
        return str((await edge.rest("POST", "/api/human-tasks", body)).json()["id"])

    async with (
        serving(edge.app) as address,
        asyncio.timeout(60),
        connect(address) as socket,
    ):
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token()}"}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        payload = {"query": TASKS, "variables": {"group": "watched"}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))

        async def update() -> dict[str, Any]:
            found: dict[str, Any] = json.loads(await socket.recv())["payload"]["data"]["humanTaskUpdated"]
            return found

        # Nothing says that the watch has begun but its first event: tasks are opened until one comes.
        first: dict[str, Any] | None = None
        while first is None:
            await open_task("unwatched")
            await open_task("watched")
            try:
                first = await asyncio.wait_for(update(), 0.7)
            except TimeoutError:
                continue
        task_id = first["humanTask"]["id"]
        await edge.rest("POST", f"/api/human-tasks/{task_id}/claim", claims={"groups": ["watched"]})
        await edge.rest("POST", f"/api/human-tasks/{task_id}/forward", {"assignees": ["dan"]})
        seen = [first]
        while len(seen) < 4:
            one = await update()
            assert one["humanTask"]["title"] == "Look"
            if one["humanTask"]["id"] == task_id:
                seen.append(one)

    assert [(one["entry"]["seq"], one["entry"]["action"], one["entry"]["to"]) for one in seen] == [
        (1, "create", "created"),
        (2, "activate", "pending"),
        (3, "claim", "assigned"),
        (4, "forward", "pending"),
    ]
    assert [(one["id"], one["status"]) for one in seen] == [(task_id, one["entry"]["to"]) for one in seen]
    assert [one["eventId"] for one in seen] == [f"{task_id}:{seq}" for seq in (1, 2, 3, 4)]
