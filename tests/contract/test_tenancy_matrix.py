"""Two tenants and everything that takes an identifier, over every door: another's is as missing as nobody's.

The cases come from the route table and the executable schema: whatever is added to them is in the matrix at once.
Whether the identifiers really lead to something is what the gate walk shows, which uses the same in their own tenant.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    get_named_type,
    is_leaf_type,
    is_object_type,
)
from sqlalchemy import text

from engine.store.tables import metadata
from resolvers.graph import ENTITIES
from rest_shim.routes.table import ROUTES
from rest_shim.shapes import members
from rest_shim.table import Method, Route
from tests.contract.test_gate_walk import BODIES, MUTATIONS, RARER, SCHEMA, example, path_of, things
from tests.federation.edge import Edge, serving, token, workflow

OTHER = "globex"
MARKER = "only-acme-knows-this"
CORE = SCHEMA._schema
UNREADABLE = {"audit_positions", "workers"}
"""Tables of loops alone: they hold nothing of a tenant."""
ALSO_CALLED = {"humanTaskId": "taskId", "workflowTemplateId": "templateId"}
PRESENT = ("workflowStats", "executionMetrics")
"""Answers whose member `to` is the time of the call."""
PUBLIC_TEMPLATES = "templateId"
"""Built-in templates are everybody's."""


@dataclass(frozen=True)
class Theirs:
    """What acme has, by what identifies it, and a digest of all its rows."""

    ids: dict[str, str]
    rows: dict[str, str]

    @property
    def missing(self) -> dict[str, str]:
        return {name: str(uuid4()) for name in self.ids}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def theirs(edge: Edge) -> AsyncIterator[Theirs]:
    ids = await things(edge, *RARER)
    definition = workflow(MARKER, description=MARKER)
    created = await edge.published(definition)
    started = await edge.rest("POST", f"/api/workflows/{created['id']}/execute", {"triggerData": {"marker": MARKER}})
    ids |= {"workflowId": created["id"], "executionId": started.json()["id"]}
    yield Theirs(ids, await rows_of(edge, "acme"))


async def rows_of(edge: Edge, tenant: str) -> dict[str, str]:
    """A digest of all rows of a tenant, by table."""
    found: dict[str, str] = {}
    async with edge.database.transaction(tenant) as connection:
        for name in sorted(set(metadata.tables) - UNREADABLE):
            statement = f"select md5(coalesce(string_agg(t::text, ',' order by t::text), '')) from {name} t"  # noqa: S608
            found[name] = str((await connection.execute(text(statement))).scalar_one())
    return found


def plain(answer: str, ids: dict[str, str]) -> str:
    """An answer without the identifiers that were asked for, and without what differs from call to call."""
    for identifier in ids.values():
        answer = answer.replace(identifier, "*")
    document = json.loads(answer) if answer.startswith(("{", "[")) else answer
    if isinstance(document, dict):
        document.pop("instance", None)
        _forget_present(document.get("data"))
    return json.dumps(document, sort_keys=True)


def _forget_present(data: Any) -> None:
    """Figures look back from the present, which is another one in every call; nothing else tells the time."""
    for name in PRESENT if isinstance(data, dict) else ():
        if isinstance(data.get(name), dict):
            data[name]["to"] = "the present"


def refuse_leaks(answer: str, theirs: Theirs) -> None:
    assert MARKER not in answer
    for name, identifier in theirs.ids.items():
        assert name == PUBLIC_TEMPLATES or identifier not in answer, name


# --- REST ------------------------------------------------------------------------------------------------------------

WITH_ID = [
    route
    for route in ROUTES
    if "{" in route.path and not route.public and "workflow-templates" not in route.path and "ledger" not in route.path
]
LISTS = [
    route
    for route in ROUTES
    if "{" not in route.path and route.method is Method.GET and not route.public and "ledger" not in route.path
]
"""The ledger's log is everybody's: hashes and signatures, no tenant's rows."""


def title(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", WITH_ID, ids=title)
async def test_a_route_answers_for_theirs_as_for_nobodys(edge: Edge, theirs: Theirs, route: Route) -> None:
    body = BODIES.get(route.name, {}) if route.body is not None else None
    missing = theirs.missing
    asked = await edge.rest(route.method, path_of(route, theirs.ids), body, claims={"tenant": OTHER})
    nobodys = await edge.rest(route.method, path_of(route, missing), body, claims={"tenant": OTHER})

    assert asked.status_code == nobodys.status_code == 404, asked.text
    assert plain(asked.text, theirs.ids) == plain(nobodys.text, missing)
    assert MARKER not in asked.text


def filters(route: Route, theirs: Theirs) -> Iterator[str]:
    """The list alone, and with each filter that takes an identifier."""
    yield route.path
    for member in members(route.query) if route.query is not None else ():
        if member.name in theirs.ids:
            yield f"{route.path}?{member.name}={theirs.ids[member.name]}"


@pytest.mark.parametrize("route", LISTS, ids=title)
async def test_a_list_holds_nothing_of_theirs(edge: Edge, theirs: Theirs, route: Route) -> None:
    for path in filters(route, theirs):
        answer = await edge.rest("GET", path, claims={"tenant": OTHER})
        assert answer.status_code < 500, answer.text
        refuse_leaks(answer.text, theirs)


@pytest.mark.parametrize("resource", ["workflow:workflowId", "execution:executionId", "human_task:taskId"])
async def test_a_preview_knows_nothing_of_theirs(edge: Edge, theirs: Theirs, resource: str) -> None:
    kind, _, name = resource.partition(":")
    path = f"/api/policy/preview?action={kind}.read&resource={kind}:{theirs.ids[name]}"
    assert (await edge.rest("GET", path, claims={"tenant": OTHER})).status_code == 404
    assert (await edge.rest("GET", path)).status_code == 200


# --- GraphQL ---------------------------------------------------------------------------------------------------------

QUERIES = {name: field for name, field in CORE.query_type.fields.items() if not name.startswith("_")}  # type: ignore[union-attr]


def identifiers(field: GraphQLField, name: str, ids: dict[str, str]) -> dict[str, str]:
    """Arguments of a field that take an identifier of ours."""
    found: dict[str, str] = {}
    for argument, declared in field.args.items():
        wanted = f"{name}Id" if argument == "id" else argument
        wanted = ALSO_CALLED.get(wanted, wanted)
        if get_named_type(declared.type).name == "ID" or wanted in ids:
            assert wanted in ids, (
                f"The matrix does not know how to make a {wanted!r}: add it to RARER of the gate walk."
            )
            found[argument] = ids[wanted]
    return found


def selection(kind: Any, depth: int = 3) -> str:
    """Everything below a type that needs no arguments, down to a depth."""
    inner = get_named_type(kind)
    if is_leaf_type(inner):
        return ""
    parts = ["__typename"]
    for name, field in getattr(inner, "fields", {}).items():
        if any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values()):
            continue
        below = get_named_type(field.type)
        if is_leaf_type(below):
            parts.append(name)
        elif depth and is_object_type(below) and not field.args:
            parts.append(f"{name} {selection(below, depth - 1)}")
    return "{ " + " ".join(parts) + " }"


def query_of(name: str, field: GraphQLField, given: dict[str, Any]) -> str:
    required = {n: a.type for n, a in field.args.items() if isinstance(a.type, GraphQLNonNull) and n not in given}
    arguments = given | {n: "workflow.read" if n == "action" else example(kind, {}, n) for n, kind in required.items()}
    written = ", ".join(f"{n}: {json.dumps(value)}" for n, value in arguments.items())
    return f"{{ {name}{f'({written})' if written else ''} {selection(field.type)} }}"


@pytest.mark.parametrize("name", sorted(QUERIES))
async def test_a_query_answers_for_theirs_as_for_nobodys(edge: Edge, theirs: Theirs, name: str) -> None:
    field, missing = QUERIES[name], theirs.missing
    asked = query_of(name, field, identifiers(field, name, theirs.ids))
    answer = await edge.post_graphql(asked, tenant=OTHER)
    nobodys = await edge.post_graphql(query_of(name, field, identifiers(field, name, missing)), tenant=OTHER)

    assert answer.status_code == 200, answer.text
    assert MARKER not in answer.text
    if not identifiers(field, name, theirs.ids):
        refuse_leaks(answer.text, theirs)
    else:
        assert plain(answer.text, theirs.ids) == plain(nobodys.text, missing)
    if any(isinstance(a.type, GraphQLNonNull) and n == "id" for n, a in field.args.items()):
        own = (await edge.graphql(asked))[name]
        assert own is not None, "the identifier leads nowhere even in its own tenant"


@pytest.mark.parametrize("name", sorted(MUTATIONS.fields))
async def test_a_mutation_answers_for_theirs_as_for_nobodys(edge: Edge, theirs: Theirs, name: str) -> None:
    kind = get_named_type(MUTATIONS.fields[name].args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType)
    missing = theirs.missing
    named = {n for n in kind.fields if n in theirs.ids and n != PUBLIC_TEMPLATES and names_theirs(n, name)}
    needed = {n for n in named if isinstance(kind.fields[n].type, GraphQLNonNull)}
    success = MUTATIONS.fields[name].type
    document = f"mutation ($input: {kind.name}!) {{ {name}(input: $input) {everything(success)} }}"

    answers = []
    for ids in (theirs.ids, missing):
        given = {n: example(f.type, ids, n) for n, f in kind.fields.items() if isinstance(f.type, GraphQLNonNull)}
        given |= {n: ids[n] for n in named}
        given |= {n: nested(f.type, ids) for n, f in kind.fields.items() if nested(f.type, ids)}
        answers.append(await edge.post_graphql(document, {"input": given}, tenant=OTHER))

    assert answers[0].status_code == 200, answers[0].text
    assert MARKER not in answers[0].text
    if needed:
        assert answers[0].json()["data"][name]["__typename"] == "NotFound", answers[0].text
        assert plain(answers[0].text, theirs.ids) == plain(answers[1].text, missing)


def names_theirs(member: str, mutation: str) -> bool:
    """A name is an identifier only where something must have it already."""
    return member.endswith("Id") or mutation == "deleteConnection"


def nested(kind: Any, ids: dict[str, str]) -> dict[str, str]:
    """Members of an input within the input that take an identifier."""
    inner = get_named_type(kind)
    return {n: ids[n] for n in inner.fields if n in ids} if isinstance(inner, GraphQLInputObjectType) else {}


def everything(result: Any) -> str:
    parts = [f"... on {member.name} {selection(member, 2)}" for member in get_named_type(result).types]
    return "{ __typename " + " ".join(parts) + " }"


@pytest.mark.parametrize("entity", sorted(ENTITIES))
async def test_an_entity_of_theirs_is_null(edge: Edge, theirs: Theirs, entity: str) -> None:
    name = f"{entity[0].lower()}{entity[1:]}Id"
    reference = {"__typename": entity, "id": theirs.ids[ALSO_CALLED.get(name, name)]}
    document = f"query ($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on {entity} {{ id }} }} }}"

    others = await edge.graphql(document, {"r": [reference]}, tenant=OTHER)
    own = await edge.graphql(document, {"r": [reference]})

    assert others["_entities"] == [None]
    assert own["_entities"] == [{"id": reference["id"]}]


def test_every_entity_of_the_graph_is_in_the_matrix() -> None:
    union = CORE.type_map["_Entity"]
    assert {kind.name for kind in union.types} == set(ENTITIES)  # type: ignore[attr-defined]


# --- what flows ------------------------------------------------------------------------------------------------------


async def open_task(edge: Edge, tenant: str) -> str:
    body = {"title": f"{MARKER}-{tenant}", "assignees": ["ada"]}
    return str((await edge.rest("POST", "/api/human-tasks", body, claims={"tenant": tenant})).json()["id"])


CAUSES: dict[str, Callable[[Edge, str], Awaitable[str]]] = {"humanTaskUpdated": open_task}
"""What makes each subscription without an identifier send something, in a tenant."""
SUBSCRIPTIONS = CORE.subscription_type.fields  # type: ignore[union-attr]


async def told(address: str, query: str, tenant: str, cause: Callable[[], Awaitable[object]]) -> str:
    """The first event of a subscription, or its end. Nothing says that it is open: `cause` happens until then."""
    headers = {"authorization": f"Bearer {token(tenant=tenant)}", "accept": "text/event-stream"}
    seen, heard = "", asyncio.Event()

    async def go_on() -> None:
        while not heard.is_set():
            await cause()
            with suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), 0.5)

    async with httpx.AsyncClient(timeout=60) as client:
        request = client.stream("POST", f"http://{address}/graphql", json={"query": query}, headers=headers)
        async with asyncio.timeout(60), request as answer, asyncio.TaskGroup() as group:
            group.create_task(go_on())
            async for line in answer.aiter_lines():
                seen += line + "\n"
                if line.startswith("data:") and len(line) > len("data: "):
                    break
            heard.set()
    return seen


@pytest.mark.parametrize("name", sorted(SUBSCRIPTIONS))
async def test_a_subscription_tells_nothing_of_theirs(edge: Edge, theirs: Theirs, name: str) -> None:
    field = SUBSCRIPTIONS[name]
    takes_id = any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values())
    assert takes_id or name in CAUSES, f"The matrix does not know what makes {name} send something: add it to CAUSES."
    own: list[str] = []

    async def cause() -> None:
        if not takes_id:
            await CAUSES[name](edge, "acme")
            own.append(await CAUSES[name](edge, OTHER))

    given = {"id": theirs.ids[ALSO_CALLED.get("executionId", "executionId")]} if takes_id else {}
    query = "subscription " + query_of(name, field, given)
    async with serving(edge.app) as address:
        seen = await told(address, query, OTHER, cause)

    assert f"{MARKER}-acme" not in seen
    if takes_id:
        assert MARKER not in seen
        assert '"data":null' in seen.replace(" ", "") or '"errors"' in seen, seen
    else:
        assert f"{MARKER}-{OTHER}" in seen, seen


async def test_another_tenants_workflow_cannot_be_called_as_a_part(edge: Edge, theirs: Theirs) -> None:
    def calling(identifier: str) -> dict[str, Any]:
        step = {"id": "call", "name": "Call", "type": "subprocess", "config": {"subWorkflowId": identifier}}
        return {"name": "calls", "steps": [step]}

    missing = theirs.missing
    asked = await edge.rest("POST", "/api/workflows", calling(theirs.ids["workflowId"]), claims={"tenant": OTHER})
    nobodys = await edge.rest("POST", "/api/workflows", calling(missing["workflowId"]), claims={"tenant": OTHER})
    assert asked.status_code == nobodys.status_code == 422
    assert plain(asked.text, theirs.ids) == plain(nobodys.text, missing)


async def test_after_all_this_nothing_of_theirs_has_changed(edge: Edge, theirs: Theirs) -> None:
    """Last in its module: whatever the calls before have tried, acme's rows are as they were, but for its own task."""
    after = await rows_of(edge, "acme")
    own = {"audit_entries", "policy_decisions", "human_tasks", "human_task_audit", "timers", "outbox"}
    assert {name for name, digest in after.items() if digest != theirs.rows[name]} <= own
