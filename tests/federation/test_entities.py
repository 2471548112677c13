from typing import Any
from uuid import uuid4

import pytest

from tests.federation.edge import Edge, workflow

QUERY = """query ($r: [_Any!]!) { _entities(representations: $r) {
  __typename ... on Workflow { id name } ... on Execution { id status } } }"""


async def resolve(edge: Edge, *references: dict[str, Any], **claims: Any) -> list[dict[str, Any] | None]:
    data = await edge.graphql(QUERY, {"r": list(references)}, **claims)
    entities: list[dict[str, Any] | None] = data["_entities"]
    return entities


async def test_references_are_answered_in_their_order(edge: Edge) -> None:
    first, second = await edge.create(workflow("first")), await edge.create(workflow("second"))
    execution = await edge.executed()

    found = await resolve(
        edge,
        {"__typename": "Workflow", "id": second["id"]},
        {"__typename": "Execution", "id": execution["id"]},
        {"__typename": "Workflow", "id": str(uuid4())},
        {"__typename": "Workflow", "id": first["id"]},
    )

    assert found == [
        {"__typename": "Workflow", "id": second["id"], "name": "second"},
        {"__typename": "Execution", "id": execution["id"], "status": "queued"},
        None,
        {"__typename": "Workflow", "id": first["id"], "name": "first"},
    ]


@pytest.mark.parametrize("key", ["nothing", "", "0", "x" * 500])
async def test_a_malformed_key_names_nothing(edge: Edge, key: str) -> None:
    assert await resolve(edge, {"__typename": "Workflow", "id": key}, {"__typename": "Execution", "id": key}) == [
        None,
        None,
    ]


async def test_another_tenants_things_do_not_exist(edge: Edge) -> None:
    execution = await edge.executed()
    references = (
        {"__typename": "Workflow", "id": execution["workflowId"]},
        {"__typename": "Execution", "id": execution["id"]},
    )

    assert await resolve(edge, *references, tenant="other") == [None, None]
    assert None not in await resolve(edge, *references)


async def test_references_of_one_kind_are_one_batch(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    created = [await edge.create(workflow(f"batched {n}")) for n in range(5)]
    asked: list[int] = []
    read = edge.services.workflows.get_many

    async def counting(actor: Any, ids: Any) -> Any:
        asked.append(len(ids))
        return await read(actor, ids)

    monkeypatch.setattr(edge.services.workflows, "get_many", counting)
    found = await resolve(edge, *({"__typename": "Workflow", "id": one["id"]} for one in created))

    assert [one and one["name"] for one in found] == [one["name"] for one in created]
    assert asked == [5]


@pytest.mark.parametrize(
    "reference",
    [
        {"__typename": "Nothing", "id": "x"},
        {"__typename": "WorkflowTemplate", "id": "x"},
        {"__typename": "Query", "id": "x"},
        {"id": "x"},
        {"__typename": "Workflow"},
        {"__typename": "Workflow", "id": 7},
        {"__typename": ["Workflow"], "id": "x"},
        "Workflow",
    ],
)
async def test_a_malformed_reference_is_an_error_of_its_own_place(edge: Edge, reference: Any) -> None:
    created = await edge.create()

    response = await edge.post_graphql(QUERY, {"r": [reference, {"__typename": "Workflow", "id": created["id"]}]})

    body = response.json()
    assert [entity and entity["id"] for entity in body["data"]["_entities"]] == [None, created["id"]]
    assert [(error["path"], error["extensions"]["code"]) for error in body["errors"]] == [
        (["_entities", 0], "BAD_USER_INPUT")
    ]


async def test_members_beside_the_key_do_no_harm(edge: Edge) -> None:
    created = await edge.create(workflow("required"))

    found = await resolve(edge, {"__typename": "Workflow", "id": created["id"], "owner": {"team": "x"}})

    assert found == [{"__typename": "Workflow", "id": created["id"], "name": "required"}]
