"""The whole table of human tasks over both doors: what each operation does in each state, for each kind of person."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.federation.edge import Edge

PEOPLE: dict[str, dict[str, Any]] = {
    "ann": {"subject": "ann", "role": "approver", "groups": ["support"]},
    "bob": {"subject": "bob", "role": "approver", "groups": ["support"]},
    "eve": {"subject": "eve", "role": "approver"},
    "root": {"subject": "root", "role": "admin"},
}
WAY_TO = {
    "pending": [],
    "assigned": ["claim"],
    "in_progress": ["claim", "start"],
    "suspended": ["claim", "start", "suspend"],
    "completed": ["claim", "complete"],
    "failed": ["claim", "fail"],
}
BODIES: dict[str, dict[str, Any]] = {
    "assign": {"assignee": "bob"},
    "delegate": {"assignee": "bob"},
    "forward": {"assignees": ["dan"]},
    "complete": {"formData": {"ok": True}},
}
ACTIVE = ("pending", "assigned", "in_progress")
OPEN = (*ACTIVE, "suspended")
OPERATIONS = (
    "claim", "release", "assign", "delegate", "forward", "start", "suspend", "resume", "complete", "fail", "skip",
    "cancel", "escalate",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    state: str
    operation: str
    who: str
    after: str


ALLOWED = [
    Row("pending", "claim", "ann", "assigned"),
    Row("assigned", "start", "ann", "in_progress"),
    Row("assigned", "release", "ann", "pending"),
    Row("assigned", "release", "root", "pending"),
    Row("suspended", "resume", "ann", "in_progress"),
    *(Row(state, "assign", "root", "assigned") for state in ACTIVE),
    *(Row(state, "delegate", "ann", "assigned") for state in ("assigned", "in_progress")),
    *(Row(state, "forward", "ann", "pending") for state in ACTIVE),
    *(Row(state, "suspend", "ann", "suspended") for state in ACTIVE),
    *(Row(state, "complete", "ann", "completed") for state in ("assigned", "in_progress")),
    *(Row(state, "fail", "ann", "failed") for state in ("assigned", "in_progress")),
    *(Row(state, "skip", "root", "skipped") for state in OPEN),
    *(Row(state, "cancel", "root", "cancelled") for state in OPEN),
    *(Row(state, "escalate", "ann", state) for state in OPEN),
]
LAWFUL = {(row.state, row.operation) for row in ALLOWED}
OUT_OF_PLACE = [
    Row(state, operation, "root" if operation in {"assign", "skip", "cancel"} else "ann", state)
    for state in (*OPEN, "completed", "failed")
    for operation in OPERATIONS
    if (state, operation) not in LAWFUL and (state, operation) != ("pending", "delegate")
]
NOT_THEIRS = [
    (Row("pending", "claim", "eve", "pending"), "task.not_candidate"),
    (Row("assigned", "start", "bob", "assigned"), "task.not_owner"),
    (Row("assigned", "complete", "bob", "assigned"), "task.not_owner"),
    (Row("assigned", "fail", "bob", "assigned"), "task.not_owner"),
    (Row("assigned", "release", "bob", "assigned"), "task.not_owner"),
    (Row("pending", "delegate", "ann", "pending"), "task.not_owner"),
    (Row("in_progress", "delegate", "root", "in_progress"), "task.not_owner"),
    (Row("assigned", "forward", "eve", "assigned"), "task.not_candidate"),
    (Row("assigned", "assign", "ann", "assigned"), "role.missing"),
    (Row("assigned", "cancel", "ann", "assigned"), "role.missing"),
    (Row("assigned", "skip", "ann", "assigned"), "role.missing"),
]
DOORS = ("rest", "graphql")


async def task_in(edge: Edge, state: str, **members: Any) -> str:
    body = {"title": "Look", "candidateGroups": ["support"], "skippable": True, **members}
    created = await edge.rest("POST", "/api/human-tasks", body, claims=PEOPLE["root"])
    assert created.status_code == 201, created.text
    task_id = str(created.json()["id"])
    for operation in WAY_TO[state]:
        answer = await edge.rest(
            "POST", f"/api/human-tasks/{task_id}/{operation}", BODIES.get(operation), claims=PEOPLE["ann"]
        )
        assert answer.status_code == 200, answer.text
    return task_id


async def do(edge: Edge, door: str, row: Row, task_id: str) -> tuple[str, dict[str, Any]]:
    """`success`, `denied` or `conflict`, with what the door says of it."""
    body = BODIES.get(row.operation, {})
    if door == "rest":
        answer = await edge.rest("POST", f"/api/human-tasks/{task_id}/{row.operation}", body, claims=PEOPLE[row.who])
        outcome = {200: "success", 403: "denied", 409: "conflict"}[answer.status_code]
        return outcome, answer.json()
    name = f"{row.operation}HumanTask"
    kind = name[0].upper() + name[1:]
    query = f"""mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ __typename
        ... on {kind}Success {{ humanTask {{ status }} }} ... on Conflict {{ code message }}
        ... on PolicyDenied {{ decisionId policyRevision denials {{ code message path policy }} }} }} }}"""
    data = (await edge.graphql(query, {"input": {"taskId": task_id, **body}}, **PEOPLE[row.who]))[name]
    outcome = {"PolicyDenied": "denied", "Conflict": "conflict"}.get(data["__typename"], "success")
    return outcome, data.get("humanTask", data)


async def status_of(edge: Edge, task_id: str) -> str:
    data = await edge.graphql("query ($id: ID!) { humanTask(id: $id) { status } }", {"id": task_id})
    return str(data["humanTask"]["status"])


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("row", ALLOWED, ids=str)
async def test_what_the_table_allows_is_done(edge: Edge, row: Row, door: str) -> None:
    task_id = await task_in(edge, row.state)
    outcome, said = await do(edge, door, row, task_id)
    assert (outcome, said.get("status")) == ("success", row.after)
    task = (await edge.rest("GET", f"/api/human-tasks/{task_id}")).json()
    assert task["status"] == row.after
    last = task["auditTrail"][-1]
    assert (last["action"], last["actor"], last["from"], last["to"]) == (row.operation, row.who, row.state, row.after)
    assert [entry["seq"] for entry in task["auditTrail"]] == list(range(1, len(task["auditTrail"]) + 1))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("state", [*OPEN, "completed", "failed"])
async def test_what_the_state_does_not_allow_is_a_conflict(edge: Edge, state: str, door: str) -> None:
    task_id = await task_in(edge, state)
    for row in (row for row in OUT_OF_PLACE if row.state == state):
        outcome, said = await do(edge, door, row, task_id)
        assert outcome == "conflict", row
        assert said["code"].startswith("task.")
        if row.operation == "claim" and state == "assigned":
            assert said["code"] == "task.already_claimed"
            assert said["owner"] == "ann" if door == "rest" else "ann" in said["message"]
        assert await status_of(edge, task_id) == state


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("row", "code"), NOT_THEIRS, ids=str)
async def test_who_may_not_is_denied_with_the_reason(edge: Edge, row: Row, code: str, door: str) -> None:
    task_id = await task_in(edge, row.state)
    outcome, said = await do(edge, door, row, task_id)
    assert outcome == "denied"
    assert [denial["code"] for denial in said["denials"]] == [code]
    assert said["decisionId"]
    assert said["policyRevision"]
    assert await status_of(edge, task_id) == row.state


@pytest.mark.parametrize("door", DOORS)
async def test_what_may_not_be_skipped(edge: Edge, door: str) -> None:
    task_id = await task_in(edge, "pending", skippable=False)
    outcome, said = await do(edge, door, Row("pending", "skip", "root", "pending"), task_id)
    assert (outcome, said["code"]) == ("conflict", "task.not_skippable")


async def test_a_claim_by_no_candidate_is_a_403_of_its_own_code(edge: Edge) -> None:
    task_id = await task_in(edge, "pending")
    answer = await edge.rest("POST", f"/api/human-tasks/{task_id}/claim", claims=PEOPLE["eve"])
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert answer.json()["code"] == "task.not_candidate"


async def test_reading_decides_nothing(edge: Edge) -> None:
    task_id = await task_in(edge, "pending", dueDate="2020-01-01T00:00:00.000Z")
    before = (await edge.rest("GET", f"/api/human-tasks/{task_id}")).json()
    await edge.rest("GET", "/api/human-tasks", claims=PEOPLE["ann"])
    assert (await edge.rest("GET", f"/api/human-tasks/{task_id}")).json() == before
    assert (before["slaBreached"], before["dueDate"]) == (False, "2020-01-01T00:00:00.000Z")


async def test_delete_is_cancel(edge: Edge) -> None:
    task_id = await task_in(edge, "in_progress")
    answer = await edge.rest("DELETE", f"/api/human-tasks/{task_id}", claims=PEOPLE["root"])
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    again = await edge.rest("DELETE", f"/api/human-tasks/{task_id}", claims=PEOPLE["root"])
    assert (again.status_code, again.json()["code"]) == (409, "task.not_cancellable")


async def test_edits_comments_and_faults_over_rest(edge: Edge) -> None:
    task_id = await task_in(
        edge, "assigned", formConfig={"fields": [{"name": "n", "type": "integer", "required": True}]}
    )
    path = f"/api/human-tasks/{task_id}"
    patched = await edge.rest("PATCH", path, {"title": "New", "priority": "high", "dueDate": "2030-01-01T00:00:00Z"})
    assert (patched.json()["title"], patched.json()["priority"], patched.json()["dueDate"]) == (
        "New", "high", "2030-01-01T00:00:00.000Z")  # fmt: skip
    assert (await edge.rest("PATCH", path, {"dueDate": None})).json()["dueDate"] is None
    bad = await edge.rest("PATCH", path, {"status": "completed", "dueDate": "soon"})
    assert bad.status_code == 422
    said = await edge.rest("POST", f"{path}/comments", {"comment": "Hm."}, claims=PEOPLE["ann"])
    assert said.status_code == 201
    comments = (await edge.rest("GET", f"{path}/comments")).json()
    assert [(each["author"], each["comment"]) for each in comments] == [("ann", "Hm.")]
    refused = await edge.rest("POST", f"{path}/complete", {"formData": {"n": "x", "m": 1}}, claims=PEOPLE["ann"])
    assert refused.status_code == 422
    assert {fault["path"] for fault in refused.json()["errors"]} == {"/formData/n", "/formData"}
    unknown = await edge.rest("GET", "/api/human-tasks?colour=red")
    assert unknown.status_code == 400


async def test_lists_and_entities_over_graphql(edge: Edge) -> None:
    group = "team-of-this-test"
    ids = [await task_in(edge, "pending", candidateGroups=[group]) for _ in range(3)]
    data = await edge.graphql(
        """query ($group: String!, $after: Cursor) {
          humanTasks(candidateGroup: $group, first: 2, after: $after) {
            totalCount pageInfo { hasNextPage endCursor }
            edges { node { id auditTrail { seq action } comments { id } } } } }""",
        {"group": group},
    )
    page = data["humanTasks"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
    assert [edge_["node"]["id"] for edge_ in page["edges"]] == ids[:0:-1]
    assert [entry["action"] for entry in page["edges"][0]["node"]["auditTrail"]] == ["create", "activate"]
    query = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on HumanTask { id title } } }"
    references = [{"__typename": "HumanTask", "id": found} for found in (ids[0], "nonsense", ids[1])]
    ours = await edge.graphql(query, {"r": references})
    assert [entity and entity["id"] for entity in ours["_entities"]] == [ids[0], None, ids[1]]
    theirs = await edge.graphql(query, {"r": references}, tenant="other")
    assert theirs["_entities"] == [None, None, None]
