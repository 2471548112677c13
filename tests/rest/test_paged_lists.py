"""Connections, callbacks, webhook secrets, templates: paged, bounded, each tenant its own, at both doors."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from engine.store import callbacks, connections
from tests.federation.edge import Edge

CONNECTION = {"kind": "http", "settings": {"baseUrl": "https://shop.test"}, "secrets": {}}
CALLBACK = {"url": "https://shop.test/hook", "events": ["*"]}
PAGE_INFO = "totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"


@dataclass
class Listed:
    """Five things of one tenant.

    Attributes:
        key: member that tells one thing from another.
        field: of the graph, with its arguments but for those of the page.
        wanted: the keys, in the order of the list.
    """

    tenant: str
    path: str
    key: str
    field: str
    wanted: list[str]


async def made(edge: Edge, tenant: str, path: str, body: dict[str, Any], key: str) -> str:
    answer = await edge.rest("POST", path, body, claims={"tenant": tenant})
    assert answer.status_code == 201, answer.text
    return str(answer.json()[key])


async def five_connections(edge: Edge, tenant: str) -> Listed:
    names = ["c-4", "c-1", "c-3", "c-0", "c-2"]
    for name in names:
        await made(edge, tenant, "/api/connections", {**CONNECTION, "name": name}, "name")
    return Listed(tenant, "/api/connections", "name", "connections(%s)", sorted(names))


async def five_callbacks(edge: Edge, tenant: str) -> Listed:
    ids = [await made(edge, tenant, "/api/callbacks", CALLBACK, "id") for _ in range(5)]
    return Listed(tenant, "/api/callbacks", "id", "callbacks(%s)", ids[::-1])


async def five_secrets(edge: Edge, tenant: str) -> Listed:
    workflow_id = (await edge.create(tenant=tenant))["id"]
    path = f"/api/workflows/{workflow_id}/webhook-secrets"
    ids = [await made(edge, tenant, f"{path}/rotate", {"overlapSeconds": 0}, "id") for _ in range(5)]
    return Listed(tenant, path, "id", f'webhookSecrets(workflowId: "{workflow_id}" %s)', ids[::-1])


Make = Callable[[Edge, str], Awaitable[Listed]]
KINDS = pytest.mark.parametrize("make", [five_connections, five_callbacks, five_secrets], ids=lambda one: one.__name__)


async def walked(edge: Edge, listed: Listed, limit: int) -> list[list[str]]:
    """The keys of each page, by the links."""
    pages, target = [], f"{listed.path}?limit={limit}"
    while target:
        answer = await edge.rest("GET", target, claims={"tenant": listed.tenant})
        assert answer.status_code == 200, answer.text
        pages.append([one[listed.key] for one in answer.json()])
        link, _, relation = answer.headers.get("link", "").partition("; ")
        assert relation in {"", 'rel="next"'}
        target = link.strip("<>")
    return pages


@KINDS
async def test_pages_go_on_by_cursor_to_the_end_and_repeat_nothing(edge: Edge, make: Make) -> None:
    listed = await make(edge, f"t-{uuid4()}")

    first = await edge.rest("GET", f"{listed.path}?limit=2", claims={"tenant": listed.tenant})
    second = await edge.rest("GET", f"{listed.path}?limit=2&page=2", claims={"tenant": listed.tenant})

    assert (first.headers["x-total-count"], first.headers["x-total-count-relation"]) == ("5", "eq")
    assert [one[listed.key] for one in second.json()] == listed.wanted[2:4]
    assert await walked(edge, listed, 2) == [listed.wanted[:2], listed.wanted[2:4], listed.wanted[4:]]
    assert await walked(edge, listed, 5) == [listed.wanted]


@KINDS
async def test_what_no_page_is_gets_refused(edge: Edge, make: Make) -> None:
    listed = await make(edge, f"t-{uuid4()}")
    cases = {
        "limit=201": "request.bad_parameter",
        "page=51&limit=200": "request.page_too_far",
        "cursor=WzEsIngiLCJ5Il0": "request.cursor_invalid",
    }

    for query, code in cases.items():
        answer = await edge.rest("GET", f"{listed.path}?{query}", claims={"tenant": listed.tenant})
        assert (answer.status_code, answer.json()["code"]) == (400, code), query


@KINDS
async def test_a_list_is_its_tenants_own(edge: Edge, make: Make) -> None:
    listed = await make(edge, f"t-{uuid4()}")

    theirs = await edge.rest("GET", listed.path, claims={"tenant": f"t-{uuid4()}"})

    if listed.field.startswith("webhookSecrets"):
        assert theirs.status_code == 404
    else:
        assert (theirs.json(), theirs.headers["x-total-count"]) == ([], "0")


@KINDS
async def test_over_graphql_pages_go_both_ways(edge: Edge, make: Make) -> None:
    listed = await make(edge, f"t-{uuid4()}")

    async def page(arguments: str) -> tuple[list[str], dict[str, Any]]:
        query = f"{{ page: {listed.field % arguments} {{ {PAGE_INFO} edges {{ node {{ {listed.key} }} }} }} }}"
        found = (await edge.graphql(query, tenant=listed.tenant))["page"]
        return [edge["node"][listed.key] for edge in found["edges"]], found

    first, head = await page("first: 2")
    second, _ = await page(f'first: 2, after: "{head["pageInfo"]["endCursor"]}"')
    last, tail = await page("last: 2")
    before, _ = await page(f'last: 2, before: "{tail["pageInfo"]["startCursor"]}"')

    assert (first, second) == (listed.wanted[:2], listed.wanted[2:4])
    assert (before, last) == (listed.wanted[1:3], listed.wanted[3:])
    assert (head["totalCount"], head["pageInfo"]["hasNextPage"], head["pageInfo"]["hasPreviousPage"]) == (
        5,
        True,
        False,
    )
    assert (tail["pageInfo"]["hasNextPage"], tail["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_templates_are_paged_too(edge: Edge) -> None:
    every = (await edge.rest("GET", "/api/workflow-templates")).json()
    listed = Listed("acme", "/api/workflow-templates", "id", "", [one["id"] for one in every])

    by_number = await edge.rest("GET", "/api/workflow-templates?limit=2&page=2")
    beyond = await edge.rest("GET", "/api/workflow-templates?limit=2&page=3")
    refused = await edge.rest("GET", "/api/workflow-templates?cursor=nonsense")

    assert await walked(edge, listed, 2) == [listed.wanted[:2], listed.wanted[2:]]
    assert ([one["id"] for one in by_number.json()], beyond.json()) == (listed.wanted[2:], [])
    assert {answer.headers["x-total-count"] for answer in (by_number, beyond)} == {"3"}
    assert (refused.status_code, refused.json()["code"]) == (400, "request.cursor_invalid")


async def test_a_long_list_is_cut_to_a_page_and_walked_to_its_end(edge: Edge, superuser: asyncpg.Connection) -> None:
    tenant = f"t-{uuid4()}"
    await fill_connections(superuser, tenant, 450)
    listed = Listed(tenant, "/api/connections", "name", "", [])

    whole = await edge.rest("GET", "/api/connections", claims={"tenant": tenant})
    pages = await walked(edge, listed, 200)

    assert (len(whole.json()), whole.headers["x-total-count"]) == (20, "450")
    assert [len(page) for page in pages] == [200, 200, 50]
    assert len({name for page in pages for name in page}) == 450


async def test_there_are_at_most_so_many_connections_even_for_two_at_once(
    edge: Edge, superuser: asyncpg.Connection
) -> None:
    tenant = f"t-{uuid4()}"
    await fill_connections(superuser, tenant, connections.MOST - 1)

    bodies = [{**CONNECTION, "name": f"late-{number}"} for number in range(3)]
    assert await outcomes(edge, tenant, "/api/connections", bodies) == [
        (201, None),
        *[(409, "connection.too_many")] * 2,
    ]
    changed = await edge.rest("PUT", "/api/connections/full-1", CONNECTION, claims={"tenant": tenant})
    assert changed.status_code == 200, changed.text


async def test_there_are_at_most_so_many_callbacks_even_for_two_at_once(
    edge: Edge, superuser: asyncpg.Connection
) -> None:
    tenant = f"t-{uuid4()}"
    await superuser.execute(
        "insert into callbacks (tenant_id, id, url, event_types, key_id, nonce, ciphertext, created_by)"
        " select $1, gen_random_uuid(), 'https://shop.test', '{*}', 'k', '', '', 'ada'"
        " from generate_series(1, $2::int)",
        tenant,
        callbacks.MOST - 1,
    )

    found = await outcomes(edge, tenant, "/api/callbacks", [CALLBACK] * 3)

    assert found == [(201, None), *[(409, "callback.too_many")] * 2]


async def fill_connections(superuser: asyncpg.Connection, tenant: str, count: int) -> None:
    await superuser.execute(
        "insert into connections (tenant_id, name, kind, settings, secret_names, created_by, updated_by)"
        """ select $1, 'full-' || n, 'http', '{"baseUrl": "https://shop.test"}', '{}', 'ada', 'ada'"""
        " from generate_series(1, $2::int) n",
        tenant,
        count,
    )


async def outcomes(edge: Edge, tenant: str, path: str, bodies: list[dict[str, Any]]) -> list[tuple[int, str | None]]:
    """Status and code of calls that are made at once, the successes first."""
    answers = await asyncio.gather(*(edge.rest("POST", path, body, claims={"tenant": tenant}) for body in bodies))
    return sorted((answer.status_code, answer.json().get("code")) for answer in answers)
