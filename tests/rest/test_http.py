import logging
import re
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from engine.clock import SystemClock
from engine.identity.tokens import TokenRules, TokenVerifier
from federation.app import create_app
from federation.config import AppConfig
from rest_shim.routes.table import ROUTES
from rest_shim.table import Route
from tests.federation.edge import SECRET, Edge, workflow


class Broken:
    """Services that fail in a way that nobody foresaw."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"secret detail about {name}")


def app_over(services: Any, config: AppConfig | None = None) -> Starlette:
    verifier = TokenVerifier(TokenRules(SECRET), SystemClock())
    return create_app(services, verifier, config or AppConfig(), CollectorRegistry())


def client_of(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://maestro.test")


async def test_an_unforeseen_error_is_masked_and_logged_with_its_reference(
    edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_of(app_over(Broken())) as client:
        with caplog.at_level(logging.ERROR):
            answer = await client.get("/api/workflows", headers=edge.headers() | {"x-request-id": "ref-1"})

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["instance"] == "urn:maestro-composer:request:ref-1"
    records = [record for record in caplog.records if record.name != "asyncio"]  # which speaks of others' tasks
    assert [getattr(record, "request_id", None) for record in records] == ["ref-1"]
    assert records[0].exc_info is not None


async def test_a_method_that_a_path_does_not_have_is_405_with_those_it_has(edge: Edge) -> None:
    answer = await edge.rest("DELETE", "/api/workflows")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_options_says_what_a_path_takes(edge: Edge) -> None:
    answer = await edge.client.options("/api/workflows/x/publish")

    assert (answer.status_code, answer.headers["allow"]) == (204, "OPTIONS, POST")


async def test_head_has_the_headers_of_get(edge: Edge) -> None:
    created = await edge.create()
    path = f"/api/workflows/{created['id']}"

    head, get = await edge.rest("HEAD", path), await edge.rest("GET", path)

    assert head.status_code == 200
    assert (head.headers["etag"], head.headers["content-length"]) == (
        get.headers["etag"],
        get.headers["content-length"],
    )


async def test_an_unknown_path_is_a_problem(edge: Edge) -> None:
    answer = await edge.rest("GET", "/api/nothing")

    assert (answer.status_code, answer.json()["code"]) == (404, "path.not_found")
    assert answer.json()["error"] == answer.json()["detail"]
    assert answer.json()["type"] == "urn:maestro-composer:problem:path.not_found"


async def test_a_trailing_slash_is_another_path(edge: Edge) -> None:
    assert (await edge.rest("GET", "/api/workflows/")).status_code == 404


@pytest.mark.parametrize(
    ("path", "method", "size", "status"),
    [
        ("/api/workflows", "POST", (10 << 20) + 1, 413),
        ("/api/workflows/x/publish", "POST", (1 << 20) + 1, 413),
        ("/graphql", "POST", (10 << 20) + 1, 413),
        ("/api/workflows", "POST", 2 << 20, 400),
    ],
)
async def test_bodies_have_a_limit(edge: Edge, path: str, method: str, size: int, status: int) -> None:
    headers = {**edge.headers(), "content-type": "application/json"}

    answer = await edge.client.request(method, path, content=b"x" * size, headers=headers)

    assert answer.status_code == status


async def test_a_body_of_unknown_length_has_the_same_limit(edge: Edge) -> None:
    async def pieces() -> Any:
        for _ in range(11):
            yield b"x" * (1 << 20)

    headers = {**edge.headers(), "content-type": "application/json"}
    answer = await edge.client.post("/api/workflows", content=pieces(), headers=headers)

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {},
    ],
)
async def test_only_plain_json_is_read(edge: Edge, headers: dict[str, str]) -> None:
    answer = await edge.client.post("/api/workflows", content=b"{}", headers={**edge.headers(), **headers})

    assert answer.status_code == 415


async def test_answers_carry_request_id_trace_and_security_headers(edge: Edge) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    answer = await edge.client.get("/livez", headers={"x-request-id": "abc.1", "traceparent": trace})
    other = await edge.client.get("/livez", headers={"x-request-id": "not ok", "traceparent": "00-0-0-0"})

    assert (answer.headers["x-request-id"], answer.headers["traceparent"]) == ("abc.1", trace)
    assert other.headers["x-request-id"] != "not ok"
    assert len(other.headers["traceparent"]) == 55
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_the_trace_of_the_caller_is_stored_with_what_it_starts(edge: Edge) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    created = await edge.published()

    answer = await edge.rest("POST", f"/api/workflows/{created['id']}/execute", {}, headers={"traceparent": trace})

    async with edge.database.transaction("acme") as connection:
        rows = await connection.exec_driver_sql(
            "select traceparent from executions where id = $1", (answer.json()["id"],)
        )
        assert rows.scalar_one() == trace


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health"])
async def test_health_is_public_and_names_each_dependency(edge: Edge, path: str) -> None:
    answer = await edge.client.get(path)

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    if path != "/livez":
        assert answer.json()["dependencies"] == [{"name": "postgresql", "ready": True, "needed": True, "message": ""}]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/connections/a%00b"),
        ("PUT", "/api/connections/%00"),
        ("DELETE", "/api/connections/%00"),
        ("GET", "/api/workflows/0197f3a0-5c1e-7000-8000-2b6d1f0a9c44/versions/%00"),
        ("GET", "/api/schemas/actions/%00"),
    ],
)
async def test_a_name_that_the_database_cannot_keep_is_nobodys(edge: Edge, method: str, path: str) -> None:
    assert (await edge.rest(method, path, {} if method == "PUT" else None)).status_code == 404


OPEN = {
    "/livez",
    "/readyz",
    "/health",
    "/api/schemas/workflow-definition",
    "/api/schemas/actions/{name}",
    "/api/ledger/keys",
    "/api/webhooks/workflow/{workflowId}/{triggerPath}",
}
"""What answers without a token, beside `/metrics`, `/openapi.json` and `/docs`, which are no routes of the table."""


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.template not in OPEN], ids=lambda route: route.name
)
async def test_whatever_is_not_listed_as_open_needs_a_token(edge: Edge, route: Route) -> None:
    answer = await edge.client.request(route.method, re.sub(r"{\w+}", "1", route.template), json={})

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_cross_origin_calls_need_their_origin_in_the_settings(edge: Edge) -> None:
    preflight = {"origin": "https://ui.test", "access-control-request-method": "POST"}
    config = AppConfig(cors_origins=("https://ui.test",))
    async with client_of(app_over(edge.services, config)) as client:
        allowed = await client.options("/graphql", headers=preflight)
        other = await client.options("/graphql", headers={**preflight, "origin": "https://evil.test"})
    refused = await edge.client.options("/graphql", headers=preflight)

    assert allowed.headers["access-control-allow-origin"] == "https://ui.test"
    assert "access-control-allow-origin" not in other.headers
    assert "access-control-allow-origin" not in refused.headers


async def test_an_answer_that_takes_too_long_is_given_up(edge: Edge) -> None:
    config = AppConfig(request_timeout_s=0.0)
    async with client_of(app_over(edge.services, config)) as client:
        answer = await client.get("/api/workflows", headers=edge.headers())

    assert (answer.status_code, answer.json()["code"]) == (503, "request.timeout")
    assert int(answer.headers["retry-after"]) >= 1


async def test_metrics_count_answers_by_route(edge: Edge) -> None:
    created = await edge.create()
    await edge.rest("GET", f"/api/workflows/{created['id']}")

    page = (await edge.client.get("/metrics")).text

    labels = 'http_request_method="GET",http_response_status_code="200",http_route="/api/workflows/{id}"'
    assert f"http_server_request_duration_seconds_count{{{labels}}}" in page
    assert created["id"] not in page


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "text/plain; version=0.0.4"),
        ("text/plain", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=1.0.0, text/plain; q=0.5", "application/openmetrics-text"),
    ],
)
async def test_metrics_come_in_the_format_that_is_asked_for(edge: Edge, accept: str, media: str) -> None:
    page = await edge.client.get("/metrics", headers={"accept": accept})

    assert page.headers["content-type"].startswith(media)
    assert page.text.endswith("# EOF\n") is media.startswith("application/openmetrics-text")


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/metrics", "/api/schemas/workflow-definition"])
async def test_descriptions_need_no_token(edge: Edge, path: str) -> None:
    assert (await edge.client.get(path)).status_code == 200


async def test_the_documentation_loads_nothing_from_elsewhere(edge: Edge) -> None:
    answer = await edge.client.get("/docs")

    assert re.search(r"<(script|link|img|iframe)|\ssrc=|@import|url\(", answer.text) is None
    assert {link for link in re.findall(r"href='([^'#]*)", answer.text) if link} == {"/openapi.json"}
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_the_documentation_shows_every_operation_with_its_bodies_answers_and_examples(edge: Edge) -> None:
    page = (await edge.client.get("/docs")).text
    document = (await edge.client.get("/openapi.json")).json()

    names = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert [name for name in names if f"id='operation-{name}'" not in page] == []
    assert [name for name in document["components"]["schemas"] if f"id='schema-{name}'" not in page] == []
    assert "workflow.revision_stale" in page
    assert "Retry-After" in page


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/metrics"])
async def test_pages_say_what_they_take(edge: Edge, path: str) -> None:
    refused, asked = await edge.client.post(path), await edge.client.options(path)

    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert refused.json()["code"] == "request.method_not_allowed"
    assert (asked.status_code, asked.headers["allow"], asked.content) == (204, "GET, HEAD, OPTIONS", b"")
    assert (await edge.client.head(path)).content == b""


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/api/workflows", "text/xml", 406),
        ("/api/workflows", "text/html, image/*;q=0.8", 406),
        ("/api/workflows", "application/json;q=0, */*", 406),
        ("/api/workflows", "application/*;q=0.1", 200),
        ("/api/workflows", "text/html, */*;q=0.1", 200),
        ("/api/workflows", "", 200),
        ("/api/audit", "text/csv", 406),
        ("/api/audit", "text/csv, application/jsonl", 200),
        ("/api/schemas/workflow-definition", "application/schema+json", 200),
        ("/api/schemas/workflow-definition", "application/json", 200),
        ("/livez", "image/png", 406),
    ],
)
async def test_what_the_caller_does_not_take_is_not_sent(edge: Edge, path: str, accept: str, status: int) -> None:
    answer = await edge.rest("GET", path, headers={"accept": accept})

    assert answer.status_code == status
    if status == 406:
        assert (answer.headers["content-type"], answer.json()["code"]) == (
            "application/problem+json",
            "request.not_acceptable",
        )


async def test_nothing_is_written_for_a_caller_that_would_not_take_the_answer(edge: Edge) -> None:
    refused = await edge.rest("POST", "/api/workflows", workflow("unseen"), headers={"accept": "text/xml"})

    found = await edge.rest("GET", "/api/workflows?search=unseen")
    assert (refused.status_code, found.json()) == (406, [])


async def test_the_schema_of_an_action_is_public(edge: Edge) -> None:
    found = await edge.client.get("/api/schemas/actions/api")
    missing = await edge.client.get("/api/schemas/actions/teleport")

    assert (found.status_code, found.headers["content-type"]) == (200, "application/schema+json")
    assert "url" in found.json()["properties"]
    assert missing.status_code == 404


async def test_an_address_is_believed_from_trusted_proxies_only(edge: Edge) -> None:
    created = await edge.create(workflow("from afar"))

    async with edge.database.transaction("acme") as connection:
        rows = await connection.exec_driver_sql(
            "select source from audit_entries where resource_id = $1", (created["id"],)
        )
        assert rows.scalar_one() == "127.0.0.1"
