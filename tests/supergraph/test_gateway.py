"""A real gateway over both running subgraphs: what crosses them, what changes, and what goes wrong."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from engine.clock import SystemClock
from engine.identity.tokens import TokenRules, TokenVerifier
from federation.app import create_app
from federation.config import AppConfig
from federation.sample.app import create_sample
from federation.sample.storage import Teams
from tests.federation.edge import SECRET, Edge, serving, token, workflow
from tests.supergraph.node import gateway

ROUTER_SECRET = "what only routers know"
ASSIGN = """mutation ($workflow: ID!, $team: ID!) {
  assignTeam(input: {workflowId: $workflow, teamId: $team}) { __typename
    ... on AssignTeamSuccess { workflow { name revision team { name } } }
    ... on TeamNotFound { code message } } }"""


@dataclass(frozen=True, slots=True)
class Supergraph:
    edge: Edge
    client: httpx.AsyncClient

    async def post(self, query: str, variables: dict[str, Any] | None = None, **claims: Any) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {token(**claims)}"}
        response = await self.client.post("/", json={"query": query, "variables": variables or {}}, headers=headers)
        body: dict[str, Any] = response.json()
        return body

    async def ask(self, query: str, variables: dict[str, Any] | None = None, **claims: Any) -> dict[str, Any]:
        body = await self.post(query, variables, **claims)
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def supergraph(edge: Edge, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Supergraph]:
    verifier = TokenVerifier(TokenRules(SECRET), SystemClock())
    config = AppConfig(router_secrets=("the next one", ROUTER_SECRET), introspection=False)
    composer = create_app(edge.services, verifier, config, CollectorRegistry())
    teams = Teams(tmp_path_factory.mktemp("teams") / "teams.json")
    async with (
        serving(composer) as first,
        serving(create_sample(teams, verifier, (ROUTER_SECRET,))) as second,
        gateway(
            {"composer": f"http://{first}/graphql", "teams": f"http://{second}/graphql"},
            MAESTRO_ROUTER_SECRET=ROUTER_SECRET,
        ) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        yield Supergraph(edge, client)


async def test_a_query_crosses_both_ways(supergraph: Supergraph) -> None:
    execution = await supergraph.edge.executed(workflow("crossing"))
    await supergraph.ask(ASSIGN, {"workflow": execution["workflowId"], "team": "data"})

    to_team = await supergraph.ask(
        "query ($id: ID!) { execution(id: $id) { status workflow { name team { name contact } } } }",
        {"id": execution["id"]},
    )
    from_team = await supergraph.ask(
        '{ team(id: "data") { name workflows { name status executions(first: 1) { edges { node { id } } } } } }'
    )

    assert to_team["execution"] == {
        "status": "queued",
        "workflow": {"name": "crossing", "team": {"name": "Data platform", "contact": "#data-platform"}},
    }
    assert from_team["team"]["workflows"] == [
        {"name": "crossing", "status": "published", "executions": {"edges": [{"node": {"id": execution["id"]}}]}}
    ]


async def test_a_human_task_has_the_team_of_its_workflow(supergraph: Supergraph) -> None:
    created = await supergraph.edge.create(workflow("asked"))
    await supergraph.ask(ASSIGN, {"workflow": created["id"], "team": "people"})
    response = await supergraph.edge.rest("POST", "/api/human-tasks", {"title": "Look", "assignees": ["ada"]})
    assert response.status_code == 201, response.text
    task = response.json()
    async with supergraph.edge.database.transaction("acme") as connection:  # as a worker opens it for a step
        await connection.exec_driver_sql(
            "update human_tasks set workflow_id = $1 where id = $2", (created["id"], task["id"])
        )

    found = await supergraph.ask("query ($id: ID!) { humanTask(id: $id) { title team { id } } }", {"id": task["id"]})

    assert found == {"humanTask": {"title": "Look", "team": {"id": "people"}}}


async def test_mutations_of_both_subgraphs_answer(supergraph: Supergraph) -> None:
    made = await supergraph.ask(
        """mutation ($definition: JSON!) { createWorkflow(input: {definition: $definition}) {
             __typename ... on CreateWorkflowSuccess { workflow { id revision team { id } } }
             ... on ValidationFailed { faults { code } } } }""",
        {"definition": workflow("through the gateway")},
    )
    created = made["createWorkflow"]["workflow"]
    assigned = await supergraph.ask(ASSIGN, {"workflow": created["id"], "team": "incidents"})
    missing = await supergraph.ask(ASSIGN, {"workflow": created["id"], "team": "nobody"})

    assert (created["revision"], created["team"]) == (1, None)
    assert assigned["assignTeam"]["workflow"] == {
        "name": "through the gateway", "revision": 1, "team": {"name": "Incident response"},
    }  # fmt: skip
    assert missing["assignTeam"]["code"] == "team.not_found"


async def test_expected_failures_come_through_as_members(supergraph: Supergraph) -> None:
    found = await supergraph.ask(
        """mutation { createWorkflow(input: {definition: {name: ""}}) {
             __typename ... on ValidationFailed { faults { code path hint } } } }"""
    )

    assert found["createWorkflow"]["__typename"] == "ValidationFailed"
    assert {fault["path"] for fault in found["createWorkflow"]["faults"]} >= {"/name"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ workflows(first: 0) { totalCount } }", "BAD_USER_INPUT"),
        ('mutation { assignTeam(input: {workflowId: "x", teamId: "data"}) { __typename } }', "BAD_USER_INPUT"),
    ],
    ids=["composer", "teams"],
)
async def test_errors_keep_their_extensions(supergraph: Supergraph, query: str, code: str) -> None:
    error = (await supergraph.post(query))["errors"][0]

    assert error["extensions"]["code"] == code
    assert "stacktrace" not in error["extensions"]


async def test_who_calls_is_known_behind_the_gateway(supergraph: Supergraph) -> None:
    created = await supergraph.edge.create(workflow("of one tenant"))
    await supergraph.ask(ASSIGN, {"workflow": created["id"], "team": "data"})
    query = '{ team(id: "data") { workflows { name } } }'

    others = await supergraph.ask(query, tenant="other")
    reader = await supergraph.post(ASSIGN, {"workflow": created["id"], "team": "data"}, role="viewer")
    nobody = (await supergraph.client.post("/", json={"query": query})).json()

    assert others["team"]["workflows"] == []
    assert reader["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "of one tenant" not in str(nobody)
    assert nobody["errors"]


async def test_what_a_team_owns_and_nobody_can_see_is_null(supergraph: Supergraph) -> None:
    ghost = "01890000-0000-7000-8000-000000000000"

    found = await supergraph.ask(ASSIGN, {"workflow": ghost, "team": "data"}, tenant="ghosts")
    listed = await supergraph.ask('{ team(id: "data") { name workflows { name } } }', tenant="ghosts")

    assert found["assignTeam"]["workflow"] is None
    assert listed["team"] == {"name": "Data platform", "workflows": [None]}


def test_what_was_assigned_is_kept(tmp_path: Path) -> None:
    import asyncio  # noqa: PLC0415 - only this test runs a loop of its own

    file = tmp_path / "teams.json"

    async def assign() -> None:
        await Teams(file).assign("acme", "w", "data")

    asyncio.run(assign())
    owner = Teams(file).owner("acme", "w")

    assert owner is not None
    assert (owner.id, Teams(file).owner("other", "w")) == ("data", None)
