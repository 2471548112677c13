from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from engine.store.tables.runtime import execution_inbox
from tests.federation.edge import Edge, workflow


async def test_the_same_key_and_body_give_the_same_execution(edge: Edge) -> None:
    created = await edge.published()
    path = f"/api/workflows/{created['id']}/execute"
    body = {"triggerData": {"n": 1}}

    first = await edge.rest("POST", path, body, headers={"idempotency-key": '"key-1"'})
    again = await edge.rest("POST", path, body, headers={"idempotency-key": "key-1"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


async def test_the_same_key_with_another_body_is_refused(edge: Edge) -> None:
    created = await edge.published()
    path = f"/api/workflows/{created['id']}/execute"
    await edge.rest("POST", path, {"triggerData": {"n": 1}}, headers={"idempotency-key": "key-2"})

    other = await edge.rest("POST", path, {"triggerData": {"n": 2}}, headers={"idempotency-key": "key-2"})

    assert (other.status_code, other.json()["code"]) == (422, "idempotency.mismatch")
    assert len((await edge.rest("GET", f"/api/executions?workflowId={created['id']}")).json()) == 1


@pytest.mark.parametrize("key", ['""', '"a b"', "a b", "é", "x" * 256, '"open'])
async def test_a_key_that_is_none_is_refused(edge: Edge, key: str) -> None:
    created = await edge.published()

    answer = await edge.rest(
        "POST",
        f"/api/workflows/{created['id']}/execute",
        {},
        headers={"idempotency-key": key.encode()},
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key_malformed")


async def test_an_execution_needs_a_published_version(edge: Edge) -> None:
    created = await edge.create()

    answer = await edge.rest("POST", f"/api/workflows/{created['id']}/execute", {})

    assert answer.status_code == 409


async def test_an_absent_body_is_an_empty_one(edge: Edge) -> None:
    created = await edge.published()

    answer = await edge.client.post(f"/api/workflows/{created['id']}/execute", headers=edge.headers())

    assert (answer.status_code, answer.json()["triggerData"]) == (201, {})


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"priority": "urgent"}, "/priority"),
        ({"priority": 9}, "/priority"),
        ({"data": {}}, "/data"),
        ({"version": 1}, "/version"),
    ],
)
async def test_faults_of_the_body_name_their_place(edge: Edge, body: object, path: str) -> None:
    created = await edge.published()

    answer = await edge.rest("POST", f"/api/workflows/{created['id']}/execute", body)

    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json()["errors"]] == [path]


@pytest.mark.parametrize(("given", "shown"), [("high", "high"), ("HIGH", "high"), (0, "critical")])
async def test_a_priority_has_a_name_and_a_number(edge: Edge, given: object, shown: str) -> None:
    created = await edge.published()

    answer = await edge.rest("POST", f"/api/workflows/{created['id']}/execute", {"priority": given})

    assert answer.json()["priority"] == shown


async def test_an_execution_has_all_members_of_its_shape(edge: Edge) -> None:
    execution = await edge.executed(workflow("shaped"))

    read = (await edge.rest("GET", f"/api/executions/{execution['id']}")).json()

    assert set(read) == {
        "id", "workflowId", "workflowVersion", "status", "triggerType", "triggerData", "context", "currentStep",
        "startedBy", "createdAt", "startedAt", "completedAt", "steps", "failedSteps", "error", "parentExecutionId",
        "priority",
    }  # fmt: skip
    assert read["context"]["execution"]["id"] == execution["id"]
    assert set(read["steps"][0]) == {
        "stepId", "status", "startedAt", "completedAt", "input", "output", "error", "retryCount", "duration",
        "iteration", "parentStepId",
    }  # fmt: skip


async def test_each_start_is_answered_with_the_steps_of_its_own_version(edge: Edge) -> None:
    for step_id in ("one", "other"):
        steps = [{"id": step_id, "name": step_id, "type": "delay", "config": {"delayMs": 5}}]
        created = await edge.published(workflow(f"starts with {step_id}", steps=steps))
        for number in range(2):
            path = f"/api/workflows/{created['id']}/execute"
            started = (await edge.rest("POST", path, {"triggerData": {"n": number}})).json()

            assert [(step["stepId"], step["status"]) for step in started["steps"]] == [(step_id, "pending")]
            assert started == (await edge.rest("GET", f"/api/executions/{started['id']}")).json()


async def test_numbers_of_payloads_are_kept_and_those_of_definitions_must_be_safe(edge: Edge) -> None:
    created = await edge.published()
    path, big = f"/api/workflows/{created['id']}/execute", {"triggerData": {"id": 2**63 + 1, "ratio": 1e300}}

    started = await edge.rest("POST", path, big, headers={"idempotency-key": "big"})
    again = await edge.rest("POST", path, big, headers={"idempotency-key": "big"})
    refused = await edge.rest("POST", "/api/workflows", workflow("big", settings={"variables": {"n": 2**53}}))

    assert (started.status_code, started.json()["triggerData"]) == (201, big["triggerData"])
    assert again.json()["id"] == started.json()["id"]
    read = await edge.rest("GET", f"/api/executions/{started.json()['id']}")
    assert read.json()["triggerData"] == big["triggerData"]
    assert [one["code"] for one in refused.json()["errors"]] == ["document.number_out_of_range"]


async def test_executions_are_found_by_workflow_and_status(edge: Edge) -> None:
    execution = await edge.executed()
    mine = f"/api/executions?workflowId={execution['workflowId']}"

    assert [one["id"] for one in (await edge.rest("GET", mine)).json()] == [execution["id"]]
    assert [one["id"] for one in (await edge.rest("GET", f"{mine}&status=queued")).json()] == [execution["id"]]
    assert (await edge.rest("GET", f"{mine}&status=failed")).json() == []
    assert (await edge.rest("GET", f"{mine}&status=unknown")).status_code == 400


async def test_lists_without_pages_have_their_total_too(edge: Edge) -> None:
    execution = await edge.executed()
    task = (await edge.rest("POST", "/api/human-tasks", {"title": "Look"})).json()
    paths = (
        "/api/actions",
        f"/api/executions/{execution['id']}/logs",
        f"/api/human-tasks/{task['id']}/comments",
        f"/api/workflows/{execution['workflowId']}/slots",
    )

    for answer in [await edge.rest("GET", path) for path in paths]:
        assert answer.headers["x-total-count"] == str(len(answer.json())), answer.text
        assert answer.headers["x-total-count-relation"] == "eq"


async def test_a_missing_execution_is_404(edge: Edge) -> None:
    for path in (f"/api/executions/{uuid4()}", f"/api/executions/{uuid4()}/logs", f"/api/executions/{uuid4()}/events"):
        assert (await edge.rest("GET", path)).status_code == 404


async def test_an_operation_that_does_not_fit_the_state_says_why(edge: Edge) -> None:
    execution = await edge.executed()

    answer = await edge.rest("POST", f"/api/executions/{execution['id']}/resume")

    assert (answer.status_code, answer.json()["code"]) == (409, "execution.not_resumeable")


@pytest.mark.parametrize(
    ("written", "name"), [("go", "go"), ("line%2F3%2Fdone", "line/3/done"), ("a%20b%3F", "a b?"), ("up%0Ato", "up\nto")]
)
async def test_a_signal_is_addressed_whatever_is_in_its_name(edge: Edge, written: str, name: str) -> None:
    waiting = {"id": "gate", "type": "wait", "config": {"signal": name}}
    created = await edge.published(workflow(f"waits for {name}", steps=[waiting]))
    execution = (await edge.rest("POST", f"/api/workflows/{created['id']}/execute", {})).json()

    answer = await edge.rest("POST", f"/api/executions/{execution['id']}/signals/{written}", {"payload": 1})

    assert (answer.status_code, answer.json()["id"]) == (200, execution["id"])
    async with edge.database.transaction("acme") as connection:
        of_this = execution_inbox.c.execution_id == UUID(execution["id"])
        [payload] = await connection.scalars(select(execution_inbox.c.payload).where(of_this))
    assert payload["name"] == name


@pytest.mark.parametrize(
    ("written", "status", "code"),
    [
        ("charge", 409, "execution.not_resolveable"),
        ("each/charge", 409, "execution.not_resolveable"),
        ("each%2Fcharge", 409, "execution.not_resolveable"),
        ("each/other", 404, "step.not_found"),
    ],
)
async def test_a_step_inside_a_loop_is_addressed_by_its_id_or_its_path(
    edge: Edge, written: str, status: int, code: str
) -> None:
    charge = {"id": "charge", "type": "action", "config": {"actionType": "noop"}}
    each = {"id": "each", "type": "loop", "config": {"iterateOver": "triggerData.items", "body": [charge]}}
    created = await edge.published(workflow("looping", steps=[each]))
    execution = (await edge.rest("POST", f"/api/workflows/{created['id']}/execute", {})).json()
    path = f"/api/executions/{execution['id']}/steps/{written}/resolve"

    answer = await edge.rest("POST", path, {"outcome": "completed"})

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "9" * 30])
async def test_an_event_id_that_is_none_is_refused(edge: Edge, given: str) -> None:
    execution = await edge.executed()

    answer = await edge.rest("GET", f"/api/executions/{execution['id']}/events", headers={"last-event-id": given})

    assert (answer.status_code, answer.json()["code"]) == (400, "request.last_event_id")
