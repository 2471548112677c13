"""Every limit, at it and over it."""

from typing import Any

import pytest

from tests.federation.edge import Edge


def deep(levels: int) -> str:
    """A query of so many levels: a workflow's executions' workflow's executions, with a page of one."""
    text, fields = "id", ["executions(first: 1)", "edges", "node", "workflow"]
    for level in reversed(range(levels - 2)):
        text = f"{fields[level % 4]} {{ {text} }}"
    return f'query {{ workflow(id: "x") {{ {text} }} }}'


QUERIES = {
    "depth": (deep(10), deep(11)),
    "aliases": (
        "{ " + " ".join(f"a{n}: __typename" for n in range(15)) + " }",
        "{ " + " ".join(f"a{n}: __typename" for n in range(16)) + " }",
    ),
    "directives": (
        '{ workflow(id: "x") { ' + " ".join("id @include(if: true)" for _ in range(50)) + " } }",
        '{ workflow(id: "x") { ' + " ".join("id @include(if: true)" for _ in range(51)) + " } }",
    ),
    "root fields": (
        "{ " + " ".join("__typename" for _ in range(20)) + " }",
        "{ " + " ".join("__typename" for _ in range(21)) + " }",
    ),
}


async def answer_to(edge: Edge, query: str, variables: dict[str, Any] | None = None) -> tuple[int, set[str]]:
    response = await edge.post_graphql(query, variables)
    errors = response.json().get("errors", [])
    return response.status_code, {error["extensions"].get("limit", error["extensions"]["code"]) for error in errors}


@pytest.mark.parametrize("limit", sorted(QUERIES))
async def test_a_document_at_its_limit_passes_and_one_over_it_does_not(edge: Edge, limit: str) -> None:
    at, over = QUERIES[limit]

    assert await answer_to(edge, at) == (200, set())
    status, limits = await answer_to(edge, over)
    assert (status, limit in limits) == (400, True)


async def test_tokens_are_counted(edge: Edge) -> None:
    def of(tokens: int) -> str:
        # Ten are around; inline fragments have four each, and are cheaper to validate than as many fields.
        fragments, fields = divmod(tokens - 11, 4)
        return '{ workflow(id: "x") { id ' + "... { id } " * fragments + "id " * fields + "} }"

    assert await answer_to(edge, of(1_000)) == (200, set())
    assert await answer_to(edge, of(1_001)) == (400, {"tokens"})
    over = (await edge.post_graphql(of(1_001))).json()["errors"][0]["extensions"]
    assert over == {"code": "GRAPHQL_LIMIT_EXCEEDED", "limit": "tokens", "maximum": 1_000}


async def test_the_text_of_a_document_is_bounded(edge: Edge) -> None:
    padding = "#" * (32 * 1024 - len("{ __typename }"))

    assert await answer_to(edge, "{ __typename }" + padding) == (200, set())
    assert await answer_to(edge, "{ __typename }" + padding + "#") == (400, {"GRAPHQL_LIMIT_EXCEEDED"})


@pytest.mark.parametrize(
    "query",
    [
        '{ workflows(search: "a\\u0000b") { totalCount } }',
        'query ($name: String = "\\u0000") { humanTasks(assignee: $name) { totalCount } }',
        'mutation { emitEvent(input: {type: "a.b", payload: {deep: ["\\u0000"]}}) { __typename } }',
        'mutation { emitEvent(input: {type: "a.b", payload: {n: 1e999}}) { __typename } }',
        'mutation { emitEvent(input: {type: "a.b", payload: {n: 18446744073709551616}}) { __typename } }',
        'mutation { emitEvent(input: {type: "a.b", payload: {n: -9223372036854775809}}) { __typename } }',
        f'mutation {{ emitEvent(input: {{type: "a.b", payload: {{n: {"9" * 5_000}}}}}) {{ __typename }} }}',
    ],
)
async def test_a_value_that_would_not_be_kept_as_it_stands_is_refused_before_anything_runs(
    edge: Edge, query: str
) -> None:
    assert await answer_to(edge, query) == (400, {"GRAPHQL_VALIDATION_FAILED"})


async def test_one_operation_a_request(edge: Edge) -> None:
    response = await edge.client.post(
        "/graphql",
        json={"query": "query A { __typename } query B { __typename }", "operationName": "A"},
        headers=edge.headers() | {"accept": "application/graphql-response+json"},
    )

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["limit"] == "operations"


async def test_fourteen_lists_of_two_hundred_cost_too_much(edge: Edge) -> None:
    lists = " ".join(f"a{n}: executions(first: 200) {{ edges {{ node {{ id }} }} }}" for n in range(14))

    assert await answer_to(edge, f"{{ {lists} }}") == (400, {"cost"})


async def test_fifty_executions_with_steps_and_scalars_do_not(edge: Edge) -> None:
    query = """{ executions(first: 50) { totalCount pageInfo { hasNextPage endCursor }
        edges { cursor node { id status startedAt completedAt workflow { id name }
          steps { stepId status retryCount } } } } }"""

    assert await answer_to(edge, query) == (200, set())


@pytest.mark.parametrize(("first", "status"), [(100, 200), (200, 400)])
async def test_cost_counts_the_page_size_of_variables(edge: Edge, first: int, status: int) -> None:
    query = """query ($first: Int) { executions(first: $first) { edges { node {
        id steps { stepId status retryCount } } } } }"""

    assert (await answer_to(edge, query, {"first": first}))[0] == status


async def test_cost_is_counted_to_the_last_field(edge: Edge) -> None:
    def of(scalars: int) -> str:
        node = " ".join(f"a{n}: id" for n in range(10)) + " id status workflowId workflowVersion triggerType priority"
        node += " startedBy createdAt startedAt completedAt currentStep parentExecutionId"
        beside = 'workflow(id: "x") { ' + "id " * scalars + "}"
        return f"{{ executions(first: 200) {{ edges {{ node {{ {node} }} }} }} {beside} }}"

    asked = of(1)
    response = await edge.client.post(
        "/graphql", json={"query": asked, "extensions": {"cost": True}}, headers=edge.headers()
    )
    spare = 5_000 - response.json()["extensions"]["cost"]["requested"]

    assert spare > 0
    assert await answer_to(edge, of(1 + spare)) == (200, set())
    assert await answer_to(edge, of(2 + spare)) == (400, {"cost"})


async def test_cost_counts_the_default_of_variables(edge: Edge) -> None:
    query = """query ($first: Int = 200) { executions(first: $first) { edges { node {
        id steps { stepId status retryCount } } } } }"""

    assert await answer_to(edge, query) == (400, {"cost"})


async def test_cost_counts_fragments_as_often_as_they_are_spread(edge: Edge) -> None:
    lists = " ".join(f"a{n}: executions(first: 200) {{ ...Page }}" for n in range(14))

    query = f"{{ {lists} }} fragment Page on ExecutionConnection {{ edges {{ ...Edge }} }}"
    query += " fragment Edge on ExecutionEdge { node { id } }"

    assert await answer_to(edge, query) == (400, {"cost"})


async def test_fragments_that_multiply_are_refused_without_being_expanded(edge: Edge) -> None:
    fragments = " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(60))

    status, limits = await answer_to(edge, f"{{ ...f0 }} {fragments} fragment f60 on Query {{ a: __typename }}")

    assert (status, {"aliases", "root fields"} <= limits) == (400, True)


async def test_fragments_in_a_circle_are_refused(edge: Edge) -> None:
    status, _ = await answer_to(edge, "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }")

    assert status == 400


async def test_introspection_does_not_count_for_depth(edge: Edge) -> None:
    from graphql import get_introspection_query  # noqa: PLC0415 - only this test needs the long text

    status, limits = await answer_to(edge, get_introspection_query())

    assert (status, limits) == (200, set())


async def test_references_are_capped(edge: Edge) -> None:
    query = "query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }"
    reference = {"__typename": "Workflow", "id": "x"}

    assert await answer_to(edge, query, {"r": [reference] * 500}) == (200, set())
    assert await answer_to(edge, query, {"r": [reference] * 501}) == (400, {"references"})


@pytest.mark.parametrize("size", [0, -1, 201])
async def test_a_page_has_its_bounds(edge: Edge, size: int) -> None:
    for argument in ("first", "last"):
        response = await edge.post_graphql(f"{{ workflows({argument}: {size}) {{ edges {{ node {{ id }} }} }} }}")
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "query",
    [
        '{ workflows(after: "%s") { totalCount } }' % ("x" * 3_000),
        '{ workflowVersion(workflowId: "x", version: "first") { version } }',
        'mutation { updateHumanTask(input: {taskId: "x", dueDate: "tomorrow"}) { __typename } }',
        'mutation { updateHumanTask(input: {taskId: "x", dueDate: "2026-01-01T00:00:00"}) { __typename } }',
    ],
    ids=["cursor", "version", "time", "time without its offset"],
)
async def test_a_scalar_that_cannot_be_read_is_the_callers_error(
    edge: Edge, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert await answer_to(edge, query) == (400, {"BAD_USER_INPUT"})
    assert [record.message for record in caplog.records if record.name != "asyncio"] == []


async def test_first_and_last_at_once_are_refused(edge: Edge) -> None:
    response = await edge.post_graphql("{ workflows(first: 1, last: 1) { edges { node { id } } } }")

    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
