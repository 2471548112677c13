"""Starts over a budget, over both doors: when to come back, and which limit was reached."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio

from engine.errors import Overloaded
from engine.qos.buckets import Budget
from engine.qos.classes import CLASSES
from engine.qos.file import Qos
from rest_shim.problems import problem_of
from tests.federation.edge import Edge, open_edge

ONE_A_MINUTE = replace(CLASSES["default"], requests=Budget("starts-default", 1, 60, 1))


@pytest_asyncio.fixture
async def tight(database_url: str) -> AsyncIterator[Edge]:
    async with open_edge(database_url, qos=Qos(classes={**CLASSES, "default": ONE_A_MINUTE})) as opened:
        yield opened


async def test_over_budget_is_429_with_the_rate_limit_fields(tight: Edge) -> None:
    execution = await tight.executed(tenant="rest")

    refused = await tight.rest(
        "POST", f"/api/workflows/{execution['workflowId']}/execute", {}, claims={"tenant": "rest"}
    )

    assert refused.status_code == 429
    wait_s = int(refused.headers["retry-after"])
    assert 30 <= wait_s <= 72
    assert refused.headers["ratelimit-policy"] == '"starts-default";q=1;w=60'
    assert refused.headers["ratelimit"] == f'"starts-default";r=0;t={wait_s}'
    assert refused.headers["cache-control"] == "no-store"
    assert refused.json()["violated-policies"] == ["starts-default"]
    listed = await tight.rest("GET", "/api/executions", claims={"tenant": "rest"})
    assert [each["id"] for each in listed.json()] == [execution["id"]]


async def test_over_budget_is_a_result_in_the_graph(tight: Edge) -> None:
    execution = await tight.executed(tenant="graph")

    data = await tight.graphql(
        """mutation ($id: ID!) { executeWorkflow(input: {workflowId: $id}) {
             ... on RateLimited { code retryAfterSeconds } } }""",
        {"id": execution["workflowId"]},
        tenant="graph",
    )

    assert data["executeWorkflow"]["code"] == "quota.exceeded"
    assert data["executeWorkflow"]["retryAfterSeconds"] >= 30


def test_shed_load_is_503_with_the_rate_limit_fields() -> None:
    problem = problem_of(Overloaded("full", retry_after_s=7, policy="queue-depth", quota=70_000))

    assert problem.status == 503
    assert problem.type.endswith("#temporary-reduced-capacity")
    assert problem.headers == {
        "retry-after": "7",
        "cache-control": "no-store",
        "ratelimit-policy": '"queue-depth";q=70000',
        "ratelimit": '"queue-depth";r=0;t=7',
    }
