"""No call of one tenant reads, changes, or learns the existence of another's row."""

from typing import Any

import pytest

from rest_shim.routes.table import ROUTES
from rest_shim.table import Route
from tests.contract.test_gate_walk import BODIES, path_of, things, wanted_of
from tests.federation.edge import Edge

ABOUT_ONE = [
    route
    for route in ROUTES
    if "{id}" in route.path
    and route.path.startswith(
        ("/api/workflows", "/api/executions", "/api/webhook-deliveries", "/api/human-tasks", "/api/schedules")
    )
]


@pytest.mark.parametrize("route", ABOUT_ONE, ids=lambda route: f"{route.method} {route.path}")
async def test_over_rest_another_tenants_thing_is_as_missing_as_any(edge: Edge, route: Route) -> None:
    ids = await things(edge, *wanted_of(route))
    body = BODIES.get(route.name, {}) if route.body is not None else None
    missing = dict.fromkeys(ids, "0193a7c0-0000-7000-8000-000000000000")

    theirs = await edge.rest(route.method, path_of(route, ids), body, claims={"tenant": "other"})
    nobodys = await edge.rest(route.method, path_of(route, missing), body, claims={"tenant": "other"})

    assert (theirs.status_code, nobodys.status_code) == (404, 404), theirs.text
    assert facts(theirs.json(), ids) == facts(nobodys.json(), missing)


def facts(problem: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """A problem without what differs from call to call."""
    text = {key: str(value) for key, value in problem.items() if key != "instance"}
    for identifier in ids.values():
        text = {key: value.replace(identifier, "*") if identifier else value for key, value in text.items()}
    return text


async def test_nothing_of_another_tenant_was_changed(edge: Edge) -> None:
    execution = await edge.executed()
    other = {"tenant": "other"}
    before = (await edge.rest("GET", f"/api/executions/{execution['id']}")).json()

    await edge.rest("POST", f"/api/executions/{execution['id']}/cancel", claims=other)
    await edge.rest("DELETE", f"/api/workflows/{execution['workflowId']}", claims=other)

    assert (await edge.rest("GET", f"/api/executions/{execution['id']}")).json() == before
    assert (await edge.rest("GET", f"/api/workflows/{execution['workflowId']}")).json()["status"] == "published"


async def test_lists_hold_the_callers_own_only(edge: Edge) -> None:
    execution = await edge.executed(tenant="listing")

    for path in ("/api/workflows", "/api/executions"):
        mine = await edge.rest("GET", path, claims={"tenant": "listing"})
        others = await edge.rest("GET", path, claims={"tenant": "stranger"})
        assert len(mine.json()) == 1
        assert (others.json(), others.headers["x-total-count"]) == ([], "0")
    filtered = await edge.rest(
        "GET", f"/api/executions?workflowId={execution['workflowId']}", claims={"tenant": "stranger"}
    )
    assert filtered.json() == []


async def test_over_graphql_another_tenants_thing_is_null(edge: Edge) -> None:
    execution = await edge.executed()

    data = await edge.graphql(
        """query ($w: ID!, $e: ID!) { workflow(id: $w) { id } execution(id: $e) { id }
             workflowVersion(workflowId: $w, version: "1.0.0") { version }
             workflowVersionDiff(workflowId: $w) { from }
             executions(workflowId: $w) { totalCount edges { node { id } } } }""",
        {"w": execution["workflowId"], "e": execution["id"]},
        tenant="other",
    )

    assert data == {
        "workflow": None,
        "execution": None,
        "workflowVersion": None,
        "workflowVersionDiff": None,
        "executions": {"totalCount": 0, "edges": []},
    }


async def test_the_same_idempotency_key_is_two_in_two_tenants(edge: Edge) -> None:
    found = []
    for tenant in ("left", "right"):
        created = await edge.published(tenant=tenant)
        answer = await edge.rest(
            "POST",
            f"/api/workflows/{created['id']}/execute",
            {},
            headers={"idempotency-key": "shared"},
            claims={"tenant": tenant},
        )
        found.append(answer.json()["id"])

    assert found[0] != found[1]
