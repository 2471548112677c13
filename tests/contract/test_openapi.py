"""The OpenAPI document: linted, and complete in what the routes answer."""

import json
from typing import Any

import pytest

from federation.export import OPENAPI
from rest_shim.refusals import SAMPLES, refusals_of
from rest_shim.routes.table import ROUTES
from tests.sdk.package import WITH_NODE, run

DOCUMENT = json.loads(OPENAPI.read_text("utf-8"))
RESPONSES = DOCUMENT["components"]["responses"]
OPERATIONS = [(method, path, one) for path, methods in DOCUMENT["paths"].items() for method, one in methods.items()]


def resolved(answer: dict[str, Any]) -> dict[str, Any]:
    reference = answer.get("$ref")
    found: dict[str, Any] = answer if reference is None else RESPONSES[reference.rpartition("/")[2]]
    return found


def name_of(operation: tuple[str, str, dict[str, Any]]) -> str:
    return str(operation[2]["operationId"])


@WITH_NODE
def test_the_linter_has_nothing_to_say() -> None:
    run("node", "scripts/lint.mjs", OPENAPI)


def test_every_route_is_described_once() -> None:
    described = [(method.upper(), path) for method, path, _ in OPERATIONS]
    assert sorted(described) == sorted((route.method.value, route.template) for route in ROUTES)
    assert len({one["operationId"] for _, _, one in OPERATIONS}) == len(ROUTES)


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_every_body_of_an_operation_has_an_example_and_every_answer_its_headers(
    operation: tuple[str, str, dict[str, Any]],
) -> None:
    *_, described = operation
    bodies = [described["requestBody"]] if "requestBody" in described else []
    answers = [resolved(one) for one in described["responses"].values()]

    for content in [content for one in (*bodies, *answers) for content in one.get("content", {}).items()]:
        media, body = content
        assert not media.endswith("json") or "example" in body or body["examples"], media
    assert all("X-Request-Id" in answer["headers"] and answer["description"] for answer in answers)
    assert "default" not in described["responses"]
    assert {"400", "500", "503"} <= set(described["responses"])


def test_every_refusal_of_a_route_has_its_status_and_an_example_of_its_problem() -> None:
    for route in ROUTES:
        described = DOCUMENT["paths"][route.template][route.method.lower()]["responses"]
        shown = {
            name
            for answer in map(resolved, described.values())
            for content in answer.get("content", {}).values()
            for name in content.get("examples", {})
        }
        own = {kind.__name__ for kind in refusals_of(route)} - ({"Unavailable"} if 503 in route.replies else set())
        assert own == shown, route.name


def test_problems_show_type_status_and_the_headers_that_go_with_them() -> None:
    limited = RESPONSES["RateLimited"]
    example = limited["content"]["application/problem+json"]["examples"]["RateLimited"]["value"]

    assert example["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert (example["status"], example["violated-policies"]) == (429, ["writes"])
    assert {"Retry-After", "RateLimit", "RateLimit-Policy"} <= set(limited["headers"])
    assert "WWW-Authenticate" in RESPONSES["Unauthenticated"]["headers"]
    assert len(SAMPLES) == len({type(one) for one in SAMPLES.values()}) > 14


def test_what_is_created_leads_to_what_can_be_done_with_it() -> None:
    links = DOCUMENT["paths"]["/api/workflows"]["post"]["responses"]["201"]["links"]

    assert {"getWorkflow", "updateWorkflow", "publishWorkflow", "executeWorkflow", "archiveWorkflow"} <= set(links)
    assert links["publishWorkflow"] == {
        "operationId": "publishWorkflow",
        "parameters": {"id": "$response.body#/id"},
    }
