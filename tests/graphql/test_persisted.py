"""Documents by hash, the list of trusted documents, routers, and what an operation costs."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from engine.clock import SystemClock
from engine.errors import ConfigurationError
from engine.identity.tokens import TokenRules, TokenVerifier
from federation.app import create_app
from federation.config import AppConfig
from federation.graphql import persisted
from resolvers.trusted import TrustedDocuments
from tests.federation.edge import GRAPHQL, SECRET, Edge

QUERY = "{ __typename }"


def by_hash(text: str, **members: Any) -> dict[str, Any]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}, **members}


@asynccontextmanager
async def serving(edge: Edge, config: AppConfig) -> AsyncIterator[httpx.AsyncClient]:
    verifier = TokenVerifier(TokenRules(SECRET), SystemClock())
    app = create_app(edge.services, verifier, config, CollectorRegistry())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://maestro.test") as client:
        yield client


async def ask(client: httpx.AsyncClient, edge: Edge, body: Any, **headers: str) -> tuple[int, Any]:
    response = await client.post("/graphql", json=body, headers={"accept": GRAPHQL, **edge.headers(), **headers})
    return response.status_code, response.json()


def code(body: Any) -> str:
    found: str = body["errors"][0]["extensions"]["code"]
    return found


async def test_a_hash_is_known_once_its_document_was_sent(edge: Edge) -> None:
    text = "{ __typename } # known"

    before = await ask(edge.client, edge, by_hash(text))
    sent = await ask(edge.client, edge, by_hash(text, query=text))
    after = await ask(edge.client, edge, by_hash(text))

    assert (before[0], before[1]["errors"][0]["message"], code(before[1])) == (
        400, "PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND",
    )  # fmt: skip
    assert sent == after == (200, {"data": {"__typename": "Query"}})


async def test_older_clients_get_the_missing_hash_with_200(edge: Edge) -> None:
    status, body = await ask(edge.client, edge, by_hash("{ a }"), accept="application/json")

    assert (status, code(body)) == (200, "PERSISTED_QUERY_NOT_FOUND")


async def test_a_hash_goes_by_get_too(edge: Edge) -> None:
    text = "{ __typename } # by get"
    await ask(edge.client, edge, by_hash(text, query=text))

    extensions = json.dumps(by_hash(text)["extensions"])
    response = await edge.client.get("/graphql", params={"extensions": extensions}, headers=edge.headers())

    assert response.json() == {"data": {"__typename": "Query"}}


async def test_another_tenants_documents_are_not_known(edge: Edge) -> None:
    text = "{ __typename } # of one tenant"
    await ask(edge.client, edge, by_hash(text, query=text))

    _, body = await ask(edge.client, edge, by_hash(text), **edge.headers(tenant="other"))

    assert code(body) == "PERSISTED_QUERY_NOT_FOUND"


async def test_documents_that_are_not_valid_are_not_remembered(edge: Edge) -> None:
    text = "{ nothing }"
    await ask(edge.client, edge, by_hash(text, query=text))

    assert code((await ask(edge.client, edge, by_hash(text)))[1]) == "PERSISTED_QUERY_NOT_FOUND"


async def test_the_oldest_documents_are_forgotten(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persisted, "REMEMBERED", 1)
    for text in ("{ __typename } # 1", "{ __typename } # 2"):
        await ask(edge.client, edge, by_hash(text, query=text))

    assert code((await ask(edge.client, edge, by_hash("{ __typename } # 1")))[1]) == "PERSISTED_QUERY_NOT_FOUND"
    assert (await ask(edge.client, edge, by_hash("{ __typename } # 2")))[0] == 200


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({"version": 1, "sha256Hash": "0" * 64}, "PERSISTED_QUERY_HASH_MISMATCH"),
        ({"version": 2, "sha256Hash": "0" * 64}, "PERSISTED_QUERY_NOT_SUPPORTED"),
        ({"version": 1, "sha256Hash": "zz"}, "BAD_REQUEST"),
        ({"version": 1}, "BAD_REQUEST"),
        ("x", "PERSISTED_QUERY_NOT_SUPPORTED"),
    ],
)
async def test_a_hash_must_be_the_documents_own(edge: Edge, named: Any, expected: str) -> None:
    status, body = await ask(edge.client, edge, {"query": QUERY, "extensions": {"persistedQuery": named}})

    assert (status, code(body)) == (400, expected)


async def test_with_a_list_only_its_documents_are_executed(edge: Edge) -> None:
    config = AppConfig(trusted_documents=TrustedDocuments.of({"ab" * 32: QUERY}))
    named = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab" * 32}}}
    async with serving(edge, config) as client:
        answers = [
            await ask(client, edge, body)
            for body in (
                {"query": f"{QUERY}\n"},
                named,
                by_hash(QUERY),
                {"query": "{ t: __typename }"},
                by_hash("{ a }"),
            )
        ]

    assert [status for status, _ in answers] == [200, 200, 200, 400, 400]
    assert [code(body) for status, body in answers if status == 400] == [
        "PERSISTED_QUERY_NOT_IN_LIST", "PERSISTED_QUERY_NOT_FOUND",
    ]  # fmt: skip


async def test_a_hash_and_a_document_teach_a_list_nothing(edge: Edge) -> None:
    async with serving(edge, AppConfig(trusted_documents=TrustedDocuments.of({"ab" * 32: QUERY}))) as client:
        other = "{ t: __typename }"
        await ask(client, edge, by_hash(other, query=other))
        assert code((await ask(client, edge, by_hash(other)))[1]) == "PERSISTED_QUERY_NOT_FOUND"


def test_the_list_is_a_folder_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "one.graphql").write_text("{ a }\n")
    (tmp_path / "list.json").write_text('{"sha256:0a": "{ b }"}')

    folder, file = TrustedDocuments.load(tmp_path), TrustedDocuments.load(tmp_path / "list.json")

    assert (folder.admits("{ a }"), folder.admits("{ b }")) == (True, False)
    assert (file.admits("{ b }"), file.by_hash["0a"]) == (True, "{ b }")


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "{}"])
def test_a_list_that_cannot_be_used_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "list.json"
    file.write_text(content)

    with pytest.raises(ConfigurationError):
        TrustedDocuments.load(file)


ENTITIES = "{ _entities(representations: []) { __typename } }"
SDL = "{ ...s } fragment s on Query { ... { s: _service { sdl } } }"


@pytest.mark.parametrize("query", [ENTITIES, SDL])
async def test_what_is_for_routers_needs_their_secret(edge: Edge, query: str) -> None:
    async with serving(edge, AppConfig(router_secrets=("new secret", "old secret"))) as client:
        refused = await ask(client, edge, {"query": query})
        answers = [
            await ask(client, edge, {"query": query}, **{"x-router-secret": secret})
            for secret in ("new secret", "old secret", "wrong secret", "")
        ]
        direct = await ask(client, edge, {"query": QUERY})

    assert (refused[0], code(refused[1])) == (400, "ROUTERS_ONLY")
    assert [status for status, _ in answers] == [200, 200, 401, 401]
    assert code(answers[2][1]) == "router.secret_invalid"
    assert direct[0] == 200


async def test_a_routers_secret_is_no_token(edge: Edge) -> None:
    async with serving(edge, AppConfig(router_secrets=("secret",))) as client:
        response = await client.post("/graphql", json={"query": SDL}, headers={"x-router-secret": "secret"})

    assert response.status_code == 401


async def test_routers_plan_documents_that_no_list_holds(edge: Edge) -> None:
    trusted = TrustedDocuments.of({"ab" * 32: QUERY})
    async with serving(edge, AppConfig(trusted_documents=trusted, router_secrets=("secret",))) as client:
        assert (await ask(client, edge, {"query": ENTITIES}, **{"x-router-secret": "secret"}))[0] == 200


async def test_the_cost_is_told_on_request(edge: Edge) -> None:
    query = "{ executions(first: 50) { totalCount edges { node { id } } } }"

    _, plain = await ask(edge.client, edge, {"query": query})
    _, asked = await ask(edge.client, edge, {"query": query, "extensions": {"cost": True}})
    _, over = await ask(
        edge.client, edge, {"query": query.replace("id }", "steps { input output error { code message details } } }")
                            .replace("50", "200"), "extensions": {"cost": True}},
    )  # fmt: skip

    assert "extensions" not in plain
    # The field, its count, and 50 edges of a node with one field.
    assert asked["extensions"] == {"cost": {"requested": 1 + 1 + 50 * (1 + 1 + 1), "maximum": 5_000}}
    assert over["extensions"]["cost"]["requested"] > 5_000
    assert "data" not in over


async def test_what_takes_too_long_is_given_up_in_graphqls_own_form(edge: Edge) -> None:
    async with serving(edge, AppConfig(graphql_timeout_s=0)) as client:
        status, body = await ask(client, edge, {"query": "{ workflows { edges { node { id } } } }"})

    assert (status, code(body)) == (503, "request.timeout")
