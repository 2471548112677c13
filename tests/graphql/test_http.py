import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from engine.clock import SystemClock
from engine.identity.tokens import TokenRules, TokenVerifier
from federation.app import create_app
from federation.config import AppConfig
from tests.federation.edge import GRAPHQL, SECRET, Edge


async def post(edge: Edge, body: Any, accept: str | None = GRAPHQL, **headers: str) -> httpx.Response:
    wanted = {} if accept is None else {"accept": accept}
    sent = {"content-type": "application/json", **edge.headers(), **wanted, **headers}
    return await edge.client.post("/graphql", content=json.dumps(body), headers=sent)


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, application/json;q=0.9", GRAPHQL),
        (f"application/json;q=0.5, {GRAPHQL};q=0.9", GRAPHQL),
        (f"application/json, {GRAPHQL};q=0.9", "application/json"),
        (f"{GRAPHQL}, */*;q=0.1", GRAPHQL),
    ],
)
async def test_the_answer_has_the_form_that_is_liked_best(edge: Edge, accept: str | None, media: str) -> None:
    # httpx sends */* where nothing is said; an empty header stands for none.
    response = await post(edge, {"query": "{ __typename }"}, accept if accept is not None else "")

    assert (response.status_code, response.headers["content-type"]) == (200, f"{media}; charset=utf-8")


@pytest.mark.parametrize("accept", ["text/plain", "application/xml, image/*", "application/json;q=0"])
async def test_nothing_acceptable_is_406(edge: Edge, accept: str) -> None:
    assert (await post(edge, {"query": "{ __typename }"}, accept)).status_code == 406


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{"},
        {"query": "{ nothing }"},
        {"query": "query ($id: ID!) { workflow(id: $id) { id } }", "variables": {"id": None}},
        {"query": "query A { __typename }", "operationName": "B"},
    ],
    ids=["parse", "validation", "variables", "operation"],
)
async def test_what_fails_before_its_execution_has_no_data(edge: Edge, body: dict[str, Any]) -> None:
    modern = await post(edge, body)
    older = await post(edge, body, "application/json")

    assert (modern.status_code, "data" in modern.json()) == (400, False)
    assert "data" not in older.json()
    assert older.status_code == (400 if "operationName" in body else 200)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"query": 1}, {"query": None}, {"query": ["x"]}, [], [{"query": "{ __typename }"}], "x", 1, None,
        {"query": "{ __typename }", "variables": "x"}, {"query": "{ __typename }", "variables": []},
        {"query": "{ __typename }", "operationName": {}}, {"query": "{ __typename }", "extensions": 0},
    ],
)  # fmt: skip
async def test_a_request_that_is_not_well_formed_is_400(edge: Edge, body: Any) -> None:
    assert (await post(edge, body)).status_code == 400
    assert (await post(edge, body, "application/json")).status_code == 400


async def test_queries_go_by_get_and_mutations_do_not(edge: Edge) -> None:
    query = {"query": "query ($id: ID!) { workflow(id: $id) { id } }", "variables": '{"id": "x"}'}
    change = {"query": 'mutation { archiveWorkflow(input: {workflowId: "x"}) { __typename } }'}

    read = await edge.client.get("/graphql", params=query, headers=edge.headers())
    refused = await edge.client.get("/graphql", params=change, headers=edge.headers())

    assert (read.status_code, read.json()) == (200, {"data": {"workflow": None}})
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused(edge: Edge, method: str) -> None:
    response = await edge.client.request(method, "/graphql", headers=edge.headers())

    assert (response.status_code, response.headers["allow"]) == (405, "GET, OPTIONS, POST")


@pytest.mark.parametrize("media", ["", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded"])
async def test_only_json_bodies_are_read(edge: Edge, media: str) -> None:
    headers = {**edge.headers(), **({"content-type": media} if media else {})}

    response = await edge.client.post("/graphql", content=b'{"query": "{ __typename }"}', headers=headers)

    assert response.status_code == 415


@pytest.mark.parametrize("query", ["{ __typename }", "{ _service { sdl } }", "{ __schema { types { name } } }"])
@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer nonsense"}])
async def test_nothing_is_answered_without_a_token(edge: Edge, query: str, header: dict[str, str]) -> None:
    response = await edge.client.post("/graphql", json={"query": query}, headers=header)

    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert "data" not in response.json()


async def test_with_introspection_off_the_graph_says_nothing_of_itself(edge: Edge) -> None:
    verifier = TokenVerifier(TokenRules(SECRET), SystemClock())
    app = create_app(edge.services, verifier, AppConfig(introspection=False), CollectorRegistry())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://maestro.test") as client:
        for query in ("{ __schema { types { name } } }", "{ _service { sdl } }", '{ __type(name: "X") { name } }'):
            response = await client.post("/graphql", json={"query": query}, headers=edge.headers())
            assert "data" not in response.json()
        near = await client.post("/graphql", json={"query": "{ workflw }"}, headers=edge.headers())
        works = await client.post("/graphql", json={"query": "{ __typename }"}, headers=edge.headers())

    assert "Did you mean" not in near.text
    assert works.json() == {"data": {"__typename": "Query"}}


class Broken:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"secret detail about {name}")


async def test_an_unforeseen_error_is_masked_with_its_reference(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    verifier = TokenVerifier(TokenRules(SECRET), SystemClock())
    broken: Any = Broken()
    services = replace(edge.services, templates=broken)
    app = create_app(services, verifier, AppConfig(), CollectorRegistry())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://maestro.test") as client:
        response = await client.post(
            "/graphql",
            json={"query": "{ workflowTemplates { totalCount } }"},
            headers=edge.headers() | {"x-request-id": "ref-2"},
        )

    error = response.json()["errors"][0]
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "reference": "ref-2"}
    assert "secret" not in response.text
    records = [record for record in caplog.records if record.name != "asyncio"]  # which speaks of others' tasks
    assert [getattr(record, "request_id", None) for record in records] == ["ref-2"]
