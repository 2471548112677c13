from typing import Any

import pytest
from sqlalchemy import event

from tests.federation.edge import Edge, workflow

QUERY = """query ($first: Int, $after: Cursor, $last: Int, $before: Cursor) {
  workflows(first: $first, after: $after, last: $last, before: $before) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { name } } } }"""


async def names(edge: Edge, **variables: Any) -> tuple[list[str], dict[str, Any]]:
    found = (await edge.graphql(QUERY, variables, tenant="pages"))["workflows"]
    return [one["node"]["name"] for one in found["edges"]], found


@pytest.fixture
async def _five(edge: Edge) -> None:
    if (await names(edge))[1]["totalCount"] == 0:
        for number in range(5):
            await edge.create(workflow(f"w{number}"), tenant="pages")


@pytest.mark.usefixtures("_five")
async def test_pages_go_forward_to_the_end(edge: Edge) -> None:
    first, page = await names(edge, first=2)
    second, after = await names(edge, first=2, after=page["pageInfo"]["endCursor"])
    third, end = await names(edge, first=2, after=after["pageInfo"]["endCursor"])

    assert (first, second, third) == (["w4", "w3"], ["w2", "w1"], ["w0"])
    assert [page["pageInfo"]["hasNextPage"], end["pageInfo"]["hasNextPage"]] == [True, False]
    assert page["totalCount"] == 5


@pytest.mark.usefixtures("_five")
async def test_pages_go_backward_in_the_same_order(edge: Edge) -> None:
    last, page = await names(edge, last=2)
    before, _ = await names(edge, last=2, before=page["pageInfo"]["startCursor"])

    assert (last, before) == (["w1", "w0"], ["w3", "w2"])
    assert page["pageInfo"]["hasPreviousPage"] is True


@pytest.mark.usefixtures("_five")
async def test_every_edge_can_be_gone_on_from(edge: Edge) -> None:
    everything, page = await names(edge, first=5)

    for index, one in enumerate(page["edges"]):
        rest, _ = await names(edge, first=5, after=one["cursor"])
        assert rest == everything[index + 1 :]


@pytest.mark.usefixtures("_five")
async def test_a_cursor_of_another_list_is_refused(edge: Edge) -> None:
    _, page = await names(edge, first=1)
    cursor = page["pageInfo"]["endCursor"]

    for query in (
        "query ($after: Cursor) { workflows(first: 1, after: $after, isActive: true) { totalCount } }",
        "query ($after: Cursor) { executions(first: 1, after: $after) { totalCount } }",
        "query ($after: Cursor) { workflowTemplates(first: 1, after: $after) { totalCount } }",
    ):
        response = await edge.post_graphql(query, {"after": cursor}, tenant="pages")
        assert response.json()["errors"][0]["extensions"]["code"] != "INTERNAL_SERVER_ERROR"


async def test_templates_are_a_connection_too(edge: Edge) -> None:
    query = """query ($after: Cursor) { workflowTemplates(first: 2, after: $after) {
        totalCount pageInfo { hasNextPage endCursor } edges { node { id name category } } } }"""

    first = (await edge.graphql(query))["workflowTemplates"]
    rest = (await edge.graphql(query, {"after": first["pageInfo"]["endCursor"]}))["workflowTemplates"]

    assert (first["totalCount"], len(first["edges"]), len(rest["edges"])) == (3, 2, 1)
    assert rest["pageInfo"]["hasNextPage"] is False


WITH_ALL = """query ($n: Int!) { executions(first: $n) { edges { node { id status
  workflow { name publishedVersion } steps { stepId status }
  humanTasks(first: 5) { edges { node { title status } } } } } } }"""


async def fifty_executions(edge: Edge) -> None:
    """Of five workflows, each with a task."""
    admin = {"tenant": "counted"}
    for number in range(5):
        created = await edge.published(workflow(f"counted {number}"), **admin)
        for _ in range(10):
            path = f"/api/workflows/{created['id']}/execute"
            execution = (await edge.rest("POST", path, {}, claims=admin)).json()
            body = {"title": "Look", "assignees": ["ada"]}
            task = (await edge.rest("POST", "/api/human-tasks", body, claims=admin)).json()
            async with edge.database.transaction("counted") as connection:  # as a worker opens it for a step
                await connection.exec_driver_sql(
                    "update human_tasks set execution_id = $1, workflow_id = $2 where id = $3",
                    (execution["id"], created["id"], task["id"]),
                )


async def test_fifty_executions_cost_a_fixed_number_of_statements(edge: Edge) -> None:
    await fifty_executions(edge)
    found: list[str] = []

    def count(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    async def statements(size: int) -> int:
        found.clear()
        page = (await edge.graphql(WITH_ALL, {"n": size}, tenant="counted"))["executions"]["edges"]
        assert [len(one["node"]["humanTasks"]["edges"]) for one in page] == [1] * size
        assert all(one["node"]["workflow"]["publishedVersion"] == "1.0.0" for one in page)
        # Decisions about reads are written down each second, whatever is being read.
        own = [each for each in found if "policy_decisions" not in each]
        return sum(not statement.startswith("select set_config") for statement in own)

    engine = edge.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        one, fifty = await statements(1), await statements(50)
    finally:
        event.remove(engine, "before_cursor_execute", count)

    # The page, its workflows, its tasks, and for the steps the rows once more, their checkpoints and their versions.
    assert one == fifty
    assert fifty <= 12
