"""200 executions watched at once over two API processes, while a worker moves them: no state change is missed."""

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import websockets

from engine.jsonvalue import JsonObject
from engine.store.migrate import migrate
from scripts.embedded.ports import free_port
from tests.crash.servers import Servers, running_servers
from tests.federation.edge import SECRET, token

pytestmark = pytest.mark.processes

EXECUTIONS = 200
LANES = 16
PATIENCE_S = 180
"""A busy machine takes its time over two hundred of anything; so do clients that share its cores."""
MAESTRO = Path(sys.executable).parent / "maestro"
SUBSCRIPTION = """subscription ($id: ID!, $after: ID) { executionUpdated(id: $id, lastEventId: $after) {
  eventId status step { stepId } } }"""


def steps() -> JsonObject:
    """A gate that all wait at, then four steps."""
    names = ["gate", "one", "two", "three", "four"]
    return {
        "name": "watched",
        "steps": [
            {
                "id": name,
                "name": name,
                "type": "wait" if name == "gate" else "action",
                "config": {"signal": "go"} if name == "gate" else {"actionType": "noop", "actionConfig": {}},
                "connections": [{"targetStepId": following}] if following else [],
            }
            for name, following in zip(names, [*names[1:], None], strict=True)
        ],
    }


@dataclass
class Cluster:
    """Two API processes and a worker over servers of their own."""

    servers: Servers
    ports: tuple[int, int]

    def client(self, which: int) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {token()}"}
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.ports[which]}", headers=headers, timeout=PATIENCE_S)


@contextmanager
def process(command: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([MAESTRO, command], env=environment, stderr=subprocess.DEVNULL) as started:
        yield started
        started.terminate()
        started.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="maestro-watching-"))
    found.chmod(0o755)
    yield found
    shutil.rmtree(found)


@pytest.fixture(scope="module")
async def cluster(folder: Path) -> AsyncIterator[Cluster]:
    with running_servers(folder) as servers, ExitStack() as stack:
        await migrate(servers.database_url)
        environment = {
            **os.environ,
            "MAESTRO_DATABASE_URL": servers.database_url,
            "MAESTRO_REDIS_URL": servers.redis_url,
            "MAESTRO_DATA_DIR": str(folder),
            "MAESTRO_JWT_SECRET": SECRET,
            "MAESTRO_ENCRYPTION_KEY": secrets.token_urlsafe(32),
        }
        ports = (free_port(), free_port())
        for port in ports:
            stack.enter_context(process("api", {**environment, "MAESTRO_PORT": str(port)}))
        stack.enter_context(process("worker", environment))
        made = Cluster(servers, ports)
        await ready(made)
        yield made


async def ready(cluster: Cluster) -> None:
    """Wait until both listen, which they do once they are ready."""
    async with asyncio.timeout(PATIENCE_S):
        for port in cluster.ports:
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.1)
                    continue
                writer.close()
                await writer.wait_closed()
                break


@dataclass
class Watched:
    """What a watcher saw of some executions."""

    events: dict[str, list[int]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)


async def watch(cluster: Cluster, which: int, ids: list[str], until_events: int, seen: Watched) -> None:
    """Watch executions over one socket: until all have ended, or until each has given so many events."""
    address = f"ws://127.0.0.1:{cluster.ports[which]}/graphql"
    protocol = websockets.Subprotocol("graphql-transport-ws")
    async with websockets.connect(
        address, subprotocols=[protocol], open_timeout=PATIENCE_S, ping_interval=None
    ) as socket:
        hello = {"type": "connection_init", "payload": {"authorization": f"Bearer {token()}"}}
        await socket.send(json.dumps(hello))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        for one in ids:
            after = str(seen.events[one][-1]) if seen.events.get(one) else None
            payload = {"query": SUBSCRIPTION, "variables": {"id": one, "after": after}}
            await socket.send(json.dumps({"id": one, "type": "subscribe", "payload": payload}))
        while not all(one in seen.ended or len(seen.events.get(one, [])) >= until_events for one in ids):
            note(json.loads(await socket.recv()), seen)


def note(message: dict[str, Any], seen: Watched) -> None:
    if message["type"] == "complete":
        seen.ended.add(message["id"])
        return
    assert message["type"] == "next", message
    event = message["payload"]["data"]["executionUpdated"]
    seen.events.setdefault(message["id"], []).append(int(event["eventId"]))


async def test_no_state_change_of_200_executions_is_missed(cluster: Cluster) -> None:
    async with cluster.client(0) as first, cluster.client(1) as second:
        ids = await started(first, second)
        # Each half is watched at the process that did not start it; the second half comes back after its first event.
        mine, others = Watched(), Watched()
        await asyncio.wait_for(watch(cluster, 0, ids[1::2], 1, others), PATIENCE_S)
        watchers = [
            asyncio.create_task(watch(cluster, 1, ids[0::2], 10_000, mine)),
            asyncio.create_task(watch(cluster, 1, ids[1::2], 10_000, others)),
        ]
        lanes = [iter(ids[lane::LANES]) for lane in range(LANES)]
        await asyncio.gather(*(signal_all((first, second)[n % 2], lane) for n, lane in enumerate(lanes)))
        await asyncio.wait_for(asyncio.gather(*watchers), PATIENCE_S)

    recorded = await recorded_events(cluster)
    assert len(recorded) == EXECUTIONS
    assert {**mine.events, **others.events} == recorded
    assert mine.ended | others.ended == set(ids)
    assert min(len(events) for events in recorded.values()) >= 10


async def started(first: httpx.AsyncClient, second: httpx.AsyncClient) -> list[str]:
    created = (await first.post("/api/workflows", json=steps())).json()
    published = await first.post(f"/api/workflows/{created['id']}/publish", json={"bump": "major"})
    assert published.status_code == 201, published.text

    async def start(number: int) -> str:
        client = (first, second)[number % 2]
        answer = await client.post(f"/api/workflows/{created['id']}/execute", json={})
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["id"]
        return found

    return list(await asyncio.gather(*map(start, range(EXECUTIONS))))


async def signal_all(client: httpx.AsyncClient, executions: Iterator[str]) -> None:
    for execution in executions:
        answer = await client.post(f"/api/executions/{execution}/signals/go", json={"payload": {}})
        assert answer.is_success, answer.text


async def recorded_events(cluster: Cluster) -> dict[str, list[int]]:
    connection = await asyncpg.connect(cluster.servers.superuser_url)
    try:
        rows = await connection.fetch("select execution_id, seq from step_checkpoints order by execution_id, seq")
    finally:
        await connection.close()
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(str(row["execution_id"]), []).append(row["seq"])
    return found
