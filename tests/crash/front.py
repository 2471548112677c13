"""Callers and people of a round: they come through the API's own door, and ask again for as long as it has trouble."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx

from engine.jsonvalue import JsonObject
from engine.policy.embedded import engines_here
from engine.qos.buckets import Budget
from engine.qos.file import Qos, WebhookBudgets
from engine.queue.bell import Bell, StreamBell
from engine.queue.link import late_link
from engine.queue.streams import Streams
from engine.triggers.signatures import sign
from tests.crash.life import with_poison
from tests.federation.edge import Edge, open_edge
from tests.workers.seeding import step

AGAIN_S = 0.1
ENDS_WITHIN_S = 120.0
KEPT = engines_here()
"""Servers are started anew by another thread, and its forked child must not let go of this one's engines."""
_WIDE = Qos(webhooks=WebhookBudgets(Budget("webhook-address", 10**9, 60, 10**8), Budget("webhook", 10**6, 60, 10**6)))


class FrontFailsError(AssertionError):
    """The API refuses what it should take, or has trouble without an end."""


@dataclass(frozen=True, slots=True)
class ForgetfulBell:
    """Rings for most of them; the rest is left to the sweep."""

    bell: Bell
    chance: random.Random

    async def ring(self, tenant: str, execution_ids: Sequence[UUID], traceparent: str | None = None) -> None:
        """As `Bell.ring`, mostly."""
        heard = [found for found in execution_ids if self.chance.random() < 0.9]
        await self.bell.ring(tenant, heard, traceparent)


@dataclass(slots=True)
class Front:
    """What the round's callers know.

    Attributes:
        accepted: executions of which a 2xx answer spoke.
        knocks: webhook messages and events by their ids, and which workflow each was to start once.
        schedules: ids of schedules that tick every second.
    """

    edge: Edge
    tenant: str
    chance: random.Random
    accepted: list[UUID] = field(default_factory=list)
    knocks: dict[str, str] = field(default_factory=dict)
    schedules: list[UUID] = field(default_factory=list)

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """An answer that is no trouble of the server's."""
        claims = {"tenant": self.tenant, **options.pop("claims", {})}
        deadline = asyncio.get_running_loop().time() + ENDS_WITHIN_S
        while True:
            answer = await self.edge.rest(method, path, body, claims=claims, **options)
            if answer.status_code < 500 and "retry-after" not in answer.headers:
                return answer
            if asyncio.get_running_loop().time() > deadline:
                raise FrontFailsError(answer.text)
            await asyncio.sleep(AGAIN_S)

    async def publish(self, definition: JsonObject) -> str:
        """The id of a published workflow. A publish whose answer was lost finds that nothing has changed."""
        created = await self.call("POST", "/api/workflows", definition)
        if created.status_code != 201:
            raise FrontFailsError(created.text)
        workflow_id: str = created.json()["id"]
        answer = await self.call("POST", f"/api/workflows/{workflow_id}/publish", {"bump": "major"})
        if answer.status_code not in {201, 409}:
            raise FrontFailsError(answer.text)
        return workflow_id

    async def execute(self, workflow_id: str, trigger: JsonObject, key: str) -> UUID:
        """An accepted execution; one call in four is made twice under its key."""
        answers: set[UUID] = set()
        for _ in range(2 if self.chance.random() < 0.25 else 1):
            headers = {"idempotency-key": key}
            path = f"/api/workflows/{workflow_id}/execute"
            answer = await self.call("POST", path, {"triggerData": trigger}, headers=headers)
            if answer.status_code != 201:
                raise FrontFailsError(answer.text)
            answers.add(UUID(answer.json()["id"]))
        if len(answers) != 1:
            raise FrontFailsError(f"I9: one key started {answers}")
        self.accepted += answers
        return answers.pop()

    async def listen(self, name: str) -> tuple[str, str]:
        """A workflow that a webhook and an event start. Returns its id and the webhook's secret."""
        hook: JsonObject = {"id": "hook", "type": "webhook", "config": {"webhookPath": name}}
        event: JsonObject = {"id": "on", "type": "event", "config": {"eventType": f"{name}.came"}}
        workflow_id = await self.publish({"name": name, "triggers": [hook, event], "steps": [step("note")]})
        secret = await self.call("POST", f"/api/workflows/{workflow_id}/webhook-secrets", {})
        return workflow_id, secret.json()["secret"]

    async def knock(self, listener: tuple[str, str], name: str, message_id: str) -> None:
        """Deliver a message by webhook and one as an event, each up to three times."""
        workflow_id, secret = listener
        body = json.dumps({"message": message_id}).encode()
        for _ in range(self.chance.randint(1, 3)):
            await self._deliver(f"/api/webhooks/workflow/{workflow_id}/{name}", secret, message_id, body)
            event = {"type": f"{name}.came", "payload": {"message": f"e-{message_id}"}, "id": f"e-{message_id}"}
            answer = await self.call("POST", "/api/events", event)
            if not answer.is_success:
                raise FrontFailsError(answer.text)
        self.knocks |= {message_id: workflow_id, f"e-{message_id}": workflow_id}

    async def _deliver(self, path: str, secret: str, message_id: str, body: bytes) -> None:
        deadline = asyncio.get_running_loop().time() + ENDS_WITHIN_S
        while True:
            at = int(datetime.now(UTC).timestamp())
            headers = {
                "webhook-id": message_id,
                "webhook-timestamp": str(at),
                "webhook-signature": sign(secret, message_id, at, body),
                "content-type": "application/json",
            }
            answer = await self.edge.client.post(path, content=body, headers=headers)
            if answer.is_success:
                return
            if answer.status_code < 500 or asyncio.get_running_loop().time() > deadline:
                raise FrontFailsError(answer.text)
            await asyncio.sleep(AGAIN_S)

    async def tick_every_second(self) -> None:
        """A schedule that ticks every second from now on."""
        trigger: JsonObject = {
            "id": "clock",
            "type": "schedule",
            "config": {"schedule": "* * * * * *", "overlap": "allow"},
        }
        workflow_id = await self.publish({"name": "ticks", "triggers": [trigger], "steps": [step("note")]})
        found = await self.call("GET", "/api/schedules")
        self.schedules += [UUID(each["id"]) for each in found.json() if each["workflowId"] == workflow_id]

    async def stop_ticking(self) -> None:
        """Pause all schedules."""
        for schedule_id in self.schedules:
            await self.call("POST", f"/api/schedules/{schedule_id}/pause", {})

    async def signal(self, execution_id: UUID) -> None:
        """Send the signal that an execution waits for; one that has ended needs none."""
        headers = {"idempotency-key": f"signal-{execution_id}"}
        answer = await self.call("POST", f"/api/executions/{execution_id}/signals/go", {"payload": {}}, headers=headers)
        if not answer.is_success and answer.status_code != 409:
            raise FrontFailsError(answer.text)

    async def attend(self, task_id: UUID) -> None:
        """Claim, start and complete a task. Answers may be lost: what was done already is refused and goes on."""
        person = {"subject": "bob", "role": "approver", "groups": ["approvers"]}
        moves: tuple[tuple[str, JsonObject], ...] = (("claim", {}), ("start", {}), ("complete", {"formData": {}}))
        for operation, body in moves:
            await self.call("POST", f"/api/human-tasks/{task_id}/{operation}", body, claims=person)

    async def resolve(self, execution_id: UUID, step_id: str, *, happened: bool) -> None:
        """Say what became of a step that is in doubt."""
        body: JsonObject = {"outcome": "completed", "output": {}} if happened else {"outcome": "failed"}
        await self.call("POST", f"/api/executions/{execution_id}/steps/{step_id}/resolve", body)


@asynccontextmanager
async def open_front(database_url: str, redis_url: str, tenant: str, chance: random.Random) -> AsyncIterator[Front]:
    """The API in the test's own process, with a bell that now and then forgets to ring."""
    async with late_link(redis_url) as link:
        bell = StreamBell(link, Streams())
        with patch("tests.federation.edge.load_registry", with_poison):
            async with open_edge(database_url, qos=_WIDE, bell=ForgetfulBell(bell, chance)) as edge:
                yield Front(edge, tenant, chance)
        await bell.close()
