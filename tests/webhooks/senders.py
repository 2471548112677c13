"""Senders of webhooks: what they know of a workflow, and what they send."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx

from engine.jsonvalue import JsonObject
from engine.triggers.signatures import sign
from tests.federation.edge import Edge, workflow


def listening(path: str = "orders", **members: Any) -> JsonObject:
    """A workflow with one webhook."""
    config = {"webhookPath": path, **members.pop("config", {})}
    trigger = {"id": "hook", "type": "webhook", "isEnabled": True, "config": config}
    return workflow("on order", triggers=[trigger], **members)


@dataclass
class Sender:
    """Somebody who knows one secret of one workflow."""

    edge: Edge
    workflow_id: str
    secret: str
    tenant: str = "acme"
    path: str = "orders"

    def url(self, path: str | None = None) -> str:
        return f"/api/webhooks/workflow/{self.workflow_id}/{path or self.path}"

    def headers(self, body: bytes, at: datetime, message_id: str) -> dict[str, str]:
        timestamp = int(at.timestamp())
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self.secret, message_id, timestamp, body),
            "content-type": "application/json",
        }

    async def send(self, content: Any, at: datetime, message_id: str | None = None, **headers: str) -> httpx.Response:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        signed = self.headers(body, at, message_id or f"msg_{uuid4().hex}")
        return await self.edge.client.post(self.url(), content=body, headers={**signed, **headers})

    async def send_as_github(self, content: bytes, delivery: str) -> httpx.Response:
        mac = hmac.new(self.secret.encode(), content, hashlib.sha256).hexdigest()
        headers = {"x-hub-signature-256": f"sha256={mac}", "x-github-delivery": delivery, "x-github-event": "push"}
        return await self.edge.client.post(self.url(), content=content, headers=headers)


async def open_sender(edge: Edge, definition: JsonObject | None = None, tenant: str = "acme", **secret: str) -> Sender:
    """Publish a workflow, make a secret, and know both."""
    created = await edge.published(definition or listening(), tenant=tenant)
    answer = await edge.rest(
        "POST", f"/api/workflows/{created['id']}/webhook-secrets", {**secret}, claims={"tenant": tenant}
    )
    assert answer.status_code == 201, answer.text
    return Sender(edge, created["id"], answer.json()["secret"], tenant)


async def executions_of(sender: Sender) -> list[dict[str, Any]]:
    answer = await sender.edge.rest(
        "GET", f"/api/executions?workflowId={sender.workflow_id}", claims={"tenant": sender.tenant}
    )
    found: list[dict[str, Any]] = answer.json()
    return found


async def deliveries_of(sender: Sender) -> list[dict[str, Any]]:
    answer = await sender.edge.rest(
        "GET", f"/api/webhook-deliveries?workflowId={sender.workflow_id}", claims={"tenant": sender.tenant}
    )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found
