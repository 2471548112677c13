"""Filters of lists: each keeps what it names and nothing else; a parameter that nobody knows is refused."""

from uuid import uuid4

import pytest

from tests.federation.edge import Edge

ELSE = str(uuid4())


@pytest.mark.parametrize("path", ["/api/human-tasks", "/api/executions", "/api/schedules"])
@pytest.mark.parametrize("query", ["nosuch=1", "workflow_id=x", "limit=0", "workflowId=none"])
async def test_what_is_no_filter_is_refused(edge: Edge, path: str, query: str) -> None:
    answer = await edge.rest("GET", f"{path}?{query}")
    assert answer.status_code == 400, answer.text


async def test_each_filter_of_tasks_keeps_what_it_names(edge: Edge) -> None:
    created = await edge.published()
    execution = (await edge.rest("POST", f"/api/workflows/{created['id']}/execute", {})).json()["id"]
    due, who = "2031-01-01T00:00:00.000Z", f"ann-{uuid4()}"
    wanted = {"title": "A", "assignees": [who], "executionId": execution, "dueDate": due}
    group = {"title": "B", "candidateGroups": [f"g-{who}"]}
    ids = []
    for body in (wanted, group):
        made = await edge.rest("POST", "/api/human-tasks", body)
        assert made.status_code == 201, made.text
        ids.append(made.json()["id"])

    async def found(query: str) -> list[str]:
        answer = await edge.rest("GET", f"/api/human-tasks?{query}")
        assert answer.status_code == 200, answer.text
        return [task["id"] for task in answer.json()]

    assert await found(f"assignee={who}") == [ids[0]]
    assert await found(f"candidateGroup=g-{who}") == [ids[1]]
    assert await found(f"executionId={execution}&status=assigned") == [ids[0]]
    assert await found(f"executionId={execution}&status=pending") == []
    assert await found(f"workflowId={created['id']}") == [ids[0]]
    assert await found(f"assignee={who}&dueBefore=2031-01-02T00:00:00Z") == [ids[0]]
    assert await found(f"assignee={who}&dueBefore={due}") == []
    assert await found(f"assignee={who}&stepId=ask") == []


async def test_each_filter_of_executions_and_schedules_keeps_what_it_names(edge: Edge) -> None:
    created = await edge.published()
    execution = (await edge.rest("POST", f"/api/workflows/{created['id']}/execute", {})).json()
    of_it = f"/api/executions?workflowId={created['id']}"
    for query, count in (
        ("", 1),
        ("&status=queued", 1),
        ("&status=failed", 0),
        (f"&version={execution['workflowVersion']}", 1),
        ("&version=9.9.9", 0),
    ):
        answer = await edge.rest("GET", of_it + query)
        assert (answer.status_code, len(answer.json())) == (200, count), query
    for path in ("executions", "schedules"):
        assert (await edge.rest("GET", f"/api/{path}?workflowId={ELSE}")).json() == []
