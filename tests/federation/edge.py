"""The API application over real services and a real database, with a gate that remembers what it was asked."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

import httpx
import jwt
import uvicorn
from prometheus_client import CollectorRegistry

from engine.actions.builtin import load_registry
from engine.actions.connections.secret_box import SecretBox
from engine.actions.outbound.allow import AllowList
from engine.actions.tools import make_tools
from engine.bootstrap import BUILT_IN_POLICY, _NoConnections
from engine.clock import Clock, SystemClock
from engine.definitions.catalogue import ActionCatalogue
from engine.identity.actor import Actor
from engine.identity.tokens import TokenRules, TokenVerifier
from engine.jsonvalue import Json, JsonObject
from engine.policy.bundle import Bundle, load_bundle
from engine.policy.embedded import EmbeddedEvaluator
from engine.policy.gate import Decision, Gate, PolicyMode, Resource
from engine.policy.policy_gate import PolicyGate
from engine.provenance.ledger_client import LedgerClient
from engine.qos.file import Qos
from engine.queue.bell import Bell
from engine.queue.changes import Tell
from engine.services.assembly import Parts, assemble, tell_nobody
from engine.services.authority import Recording
from engine.services.executions import Watch
from engine.services.identifiers import uuid7_factory
from engine.services.services import Services
from engine.store.database import Database
from federation.app import create_app
from federation.config import AppConfig

SECRET = "the-shared-secret-of-these-tests-is-long"
GRAPHQL = "application/graphql-response+json"


class RecordingGate:
    """Decides as the gate behind it does, and keeps what it was asked."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.asked: list[str] = []

    async def authorise(
        self, actor: Actor, action: str, resource: Resource, context: Mapping[str, Json] = MappingProxyType({})
    ) -> Decision:
        self.asked.append(action)
        return await self._gate.authorise(actor, action, resource, context)


class SilentBell:
    """Rings for nobody: no worker runs in these tests."""

    async def ring(self, tenant: str, execution_ids: Sequence[UUID], traceparent: str | None = None) -> None:
        """Do nothing."""


def token(subject: str = "ada", tenant: str = "acme", role: str | None = "admin", **claims: Any) -> str:
    roles = {} if role is None else {"role": role}
    return jwt.encode({"sub": subject, "tenant": tenant, **roles, **claims}, SECRET, "HS256")


@dataclass
class Edge:
    """Both doors, and helpers that say what a test means."""

    client: httpx.AsyncClient
    gate: RecordingGate
    services: Services
    database: Database
    app: Any

    def headers(self, **claims: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {token(**claims)}"}

    async def rest(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        headers = self.headers(**options.pop("claims", {})) | options.pop("headers", {})
        content = None if body is None else json.dumps(body)
        if content is not None:
            headers = {"content-type": "application/json", **headers}
        return await self.client.request(method, path, content=content, headers=headers, **options)

    async def post_graphql(
        self, query: str, variables: Mapping[str, Any] | None = None, **claims: Any
    ) -> httpx.Response:
        body = {"query": query, "variables": dict(variables or {})}
        headers = {"accept": GRAPHQL, "content-type": "application/json", **self.headers(**claims)}
        return await self.client.post("/graphql", content=json.dumps(body), headers=headers)

    async def graphql(self, query: str, variables: Mapping[str, Any] | None = None, **claims: Any) -> dict[str, Any]:
        response = await self.post_graphql(query, variables, **claims)
        body: dict[str, Any] = response.json()
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data

    async def create(self, definition: JsonObject | None = None, **claims: Any) -> dict[str, Any]:
        response = await self.rest("POST", "/api/workflows", definition or workflow(), claims=claims)
        assert response.status_code == 201, response.text
        created: dict[str, Any] = response.json()
        return created

    async def published(self, definition: JsonObject | None = None, **claims: Any) -> dict[str, Any]:
        created = await self.create(definition, **claims)
        response = await self.rest("POST", f"/api/workflows/{created['id']}/publish", {"bump": "major"}, claims=claims)
        assert response.status_code == 201, response.text
        return created

    async def executed(self, definition: JsonObject | None = None, **claims: Any) -> dict[str, Any]:
        created = await self.published(definition, **claims)
        response = await self.rest("POST", f"/api/workflows/{created['id']}/execute", {}, claims=claims)
        assert response.status_code == 201, response.text
        execution: dict[str, Any] = response.json()
        return execution


@asynccontextmanager
async def open_edge(  # noqa: PLR0913, PLR0917 - each test names the parts that it puts in
    database_url: str,
    config: AppConfig | None = None,
    clock: Clock | None = None,
    qos: Qos | None = None,
    ledger: LedgerClient | None = None,
    bell: Bell | None = None,
    watch: Watch | None = None,
    tell: Tell = tell_nobody,
) -> AsyncIterator[Edge]:
    clock = clock or SystemClock()
    database = Database.connect(database_url, application_name="tests", pool_size=4)
    policy = PolicyGate(EmbeddedEvaluator(built_in_bundle(), clock), clock, uuid7_factory(clock), PolicyMode.ENFORCE)
    gate = RecordingGate(policy)
    catalogue = await actions(clock)
    assembled = assemble(
        Parts(
            database=database,
            bell=bell or SilentBell(),
            gate=gate,
            catalogue=lambda: catalogue,
            clock=clock,
            recording=Recording(policy.needs),
            secret_box=SecretBox((bytes(range(32)),), secrets.token_bytes),
            qos=qos or Qos(),
            ledger=ledger,
            watch=watch,
            tell=tell,
        )
    )
    verifier = TokenVerifier(TokenRules(SECRET), clock)
    app = create_app(assembled.services, verifier, config or AppConfig(), CollectorRegistry())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://maestro.test") as client:
        yield Edge(client, gate, assembled.services, database, app)
    await assembled.close()
    await database.close()


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """`host:port` of the application behind a real server: for what never ends by itself."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        lifespan="off",
        log_config=None,
        ws="websockets-sansio",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
        assert not task.done()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    await task


@cache
def built_in_bundle() -> Bundle:
    return load_bundle(BUILT_IN_POLICY)


async def actions(clock: Clock) -> ActionCatalogue:
    """The built-in actions."""
    tools = make_tools(AllowList.parse(()), _NoConnections(), clock)
    catalogue = load_registry(tools).catalogue()
    await tools.close()
    return catalogue


def workflow(name: str = "greet", **members: Any) -> JsonObject:
    """A small valid definition of one step."""
    return {
        "name": name,
        "steps": [
            {"id": "greet", "name": "Greet", "type": "action", "config": {"actionType": "noop", "actionConfig": {}}}
        ],
        **members,
    }


FIVE_FAULTS: JsonObject = {
    "name": "",
    "surprise": True,
    "steps": [
        {"id": "a", "name": "A", "type": "action", "config": {"actionType": "teleport", "actionConfig": {}},
         "connections": [{"targetStepId": "nowhere"}]},
        {"id": "b", "name": "B", "type": "delay", "config": {"delayMs": -5}},
    ],
}  # fmt: skip
"""An empty name, an unknown member, an unknown action, an unknown target, a negative delay."""
