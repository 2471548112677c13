"""People in running executions: all three built-in templates to their ends, and every end of a task."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from engine.actions.api import Api
from engine.actions.connections.values import ConnectionKind
from engine.actions.email import Email
from engine.actions.interface import AnyAction
from engine.jsonvalue import JsonObject, loads
from tests.actions.connected import Connections, Names, tools_allowing
from tests.actions.servers import Received, http_server, json_answer
from tests.actions.test_email import mailbox
from tests.federation.edge import Edge, open_edge
from tests.workers.actions import Gate
from tests.workers.conftest import Reader, StartWorker

BOB: dict[str, Any] = {"subject": "bob", "role": "approver", "groups": ["approvers", "incident-responders"]}


@pytest.fixture
async def edge(database_url: str) -> AsyncIterator[Edge]:
    async with open_edge(database_url) as opened:
        yield opened


@pytest.fixture
def start_worker(start_worker: StartWorker) -> StartWorker:
    """Workers that look often: the API of these tests rings no bell."""
    return partial(start_worker, sweep_s=0.05, sweep_age_s=0.0)


async def from_template(edge: Edge, template: str, trigger: JsonObject, **customisations: Any) -> UUID:
    body = {"name": f"From {template}", "customizations": customisations}
    made = await edge.rest("POST", f"/api/workflow-templates/{template}/create", body)
    assert made.status_code == 201, made.text
    return await started(edge, made.json()["id"], trigger)


async def started(edge: Edge, workflow_id: str, trigger: JsonObject) -> UUID:
    published = await edge.rest("POST", f"/api/workflows/{workflow_id}/publish", {"bump": "major"})
    assert published.status_code == 201, published.text
    execution = await edge.rest("POST", f"/api/workflows/{workflow_id}/execute", {"triggerData": trigger})
    assert execution.status_code == 201, execution.text
    return UUID(execution.json()["id"])


async def human_execution(edge: Edge, **config: Any) -> UUID:
    step: JsonObject = {"id": "ask", "name": "Ask", "type": "human", "config": {"title": "Look", **config}}
    created = await edge.create({"name": "ask", "steps": [step]})
    return await started(edge, created["id"], {})


async def task_of(reader: Reader, execution_id: UUID) -> str:
    await reader.until("select 1 from human_tasks where execution_id = $1", execution_id)
    return str(await reader.connection.fetchval("select id from human_tasks where execution_id = $1", execution_id))


async def attend(edge: Edge, task_id: str, form: JsonObject) -> None:
    for operation, body in (("claim", {}), ("start", {}), ("complete", {"formData": form})):
        answer = await edge.rest("POST", f"/api/human-tasks/{task_id}/{operation}", body, claims=BOB)
        assert answer.status_code == 200, answer.text


async def steps_of(edge: Edge, execution_id: UUID) -> dict[str, str]:
    execution = (await edge.rest("GET", f"/api/executions/{execution_id}")).json()
    return {step["stepId"]: step["status"] for step in execution["steps"]}


@pytest.mark.parametrize(("decision", "told"), [("approved", "tell-approved"), ("rejected", "tell-rejected")])
async def test_the_approval_template_runs_to_its_end(
    edge: Edge, start_worker: StartWorker, reader: Reader, decision: str, told: str
) -> None:
    async with mailbox() as box:
        connections = Connections()
        settings: JsonObject = {"host": "mail.example", "port": box.port, "from": "a@example.org", "security": "none"}
        connections.add("email", ConnectionKind.SMTP, settings)
        names = Names(mail_example=[["127.0.0.1"]])
        tools = tools_allowing(f"127.0.0.1:{box.port}", connections=connections, names=names)
        trigger: JsonObject = {"subject": "A new chair", "requester": "r@example.org"}
        async with start_worker(Email(tools)):
            execution_id = await from_template(edge, "approval", trigger)
            await attend(edge, await task_of(reader, execution_id), {"decision": decision})
            await reader.until_status([execution_id], "completed")
        await tools.close()
    steps = await steps_of(edge, execution_id)
    assert {step for step, status in steps.items() if status == "completed"} == {"decide", "is-approved", told}
    assert box.recipients == ["r@example.org"]
    assert b"by bob" in box.messages[0]


@pytest.mark.parametrize(("severity", "notified"), [("critical", True), ("low", False)])
async def test_the_incident_template_branches_on_what_the_person_said(
    edge: Edge, start_worker: StartWorker, reader: Reader, severity: str, *, notified: bool
) -> None:
    async with http_server(lambda _: json_answer(b"{}")) as server:
        tools = tools_allowing(f"127.0.0.1:{server.port}")
        async with start_worker(Api(tools)):
            execution_id = await from_template(
                edge,
                "incident-response",
                {"title": "It burns"},
                incidentUrl=f"{server.url}/incidents",
                notifyUrl=f"{server.url}/notify",
            )
            await attend(edge, await task_of(reader, execution_id), {"severity": severity})
            await reader.until_status([execution_id], "completed")
        await tools.close()
    assert [request.target for request in server.requests] == ["/incidents"] + ["/notify"] * notified


async def test_the_data_template_runs_to_its_end(edge: Edge, start_worker: StartWorker, reader: Reader) -> None:
    def respond(request: Received) -> bytes:
        return json_answer(b'{"records": [{"id": 1}, {"id": 2}]}' if request.method == "GET" else b"{}")

    async with http_server(respond) as server:
        tools = tools_allowing(f"127.0.0.1:{server.port}")
        actions: list[AnyAction] = [Api(tools)]
        async with start_worker(*actions):
            execution_id = await from_template(
                edge, "data-processing", {}, sourceUrl=f"{server.url}/records", targetUrl=f"{server.url}/results"
            )
            await reader.until_status([execution_id], "completed")
        await tools.close()
    assert [request.method for request in server.requests] == ["GET", "POST"]


async def test_a_config_that_its_templates_spoil_fails_the_step(
    edge: Edge, start_worker: StartWorker, reader: Reader
) -> None:
    async with start_worker():
        step: JsonObject = {"id": "ask", "name": "Ask", "type": "human", "config": {"dueDate": "{{triggerData.when}}"}}
        created = await edge.create({"name": "ask", "steps": [step]})
        execution_id = await started(edge, created["id"], {"when": "soon"})
        await reader.until_status([execution_id], "failed")
    execution = (await edge.rest("GET", f"/api/executions/{execution_id}")).json()
    assert execution["error"]["code"] == "task.config_invalid"


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [("fail", "failed", "task.failed"), ("cancel", "failed", "task.cancelled"), ("skip", "completed", None)],
)
async def test_other_ends_of_a_task_reach_its_execution(
    edge: Edge, start_worker: StartWorker, reader: Reader, operation: str, status: str, code: str | None
) -> None:
    async with start_worker():
        execution_id = await human_execution(edge, assignees=["bob"], skippable=True)
        task_id = await task_of(reader, execution_id)
        who = BOB if operation == "fail" else {}
        answer = await edge.rest("POST", f"/api/human-tasks/{task_id}/{operation}", {"reason": "so"}, claims=who)
        assert answer.status_code == 200, answer.text
        await reader.until_status([execution_id], status)
    execution = (await edge.rest("GET", f"/api/executions/{execution_id}")).json()
    assert (execution["error"] or {}).get("code") == code
    if operation == "skip":
        assert execution["steps"][0]["output"] == {"skipped": True}


async def test_the_task_of_a_finished_execution_is_obsolete_and_cannot_be_completed(
    edge: Edge, start_worker: StartWorker, reader: Reader
) -> None:
    async with start_worker():
        execution_id = await human_execution(edge, assignees=["bob"], dueInMs=86_400_000)
        task_id = await task_of(reader, execution_id)
        body = {"title": "Beside it", "executionId": str(execution_id), "assignees": ["bob"]}
        beside = (await edge.rest("POST", "/api/human-tasks", body)).json()["id"]
        await edge.rest("POST", f"/api/executions/{execution_id}/cancel", {})
        await reader.until_status([execution_id], "cancelled")
    for each in (task_id, beside):
        answer = await edge.rest("POST", f"/api/human-tasks/{each}/complete", {}, claims=BOB)
        assert (answer.status_code, answer.json()["code"]) == (409, "task.not_completable")
        task = (await edge.rest("GET", f"/api/human-tasks/{each}")).json()
        assert (task["status"], task["auditTrail"][-1]["from"]) == ("obsolete", "assigned")
    assert await reader.connection.fetchval("select count(*) from timers where subject_id = $1", UUID(task_id)) == 0


@pytest.mark.parametrize("ends", ["at once", "later", "cancelled"])
async def test_a_task_beside_an_execution_ends_with_it_though_no_step_has_one(
    edge: Edge, start_worker: StartWorker, reader: Reader, ends: str
) -> None:
    """Whoever ends it knows of no rows of the execution: in its first commit, or in a later one of the same claim."""
    gate, task_id = Gate(name="api"), ""
    act: JsonObject = {"actionType": "api", "actionConfig": {"url": "https://x.test/"}}
    config: JsonObject = act if ends == "later" else {"actionType": "noop"}
    made = await edge.create(
        {"name": "beside", "steps": [{"id": "act", "name": "Act", "type": "action", "config": config}]}
    )
    execution_id = await started(edge, made["id"], {})
    body: JsonObject = {"title": "Beside it", "executionId": str(execution_id), "assignees": ["bob"], "dueInMs": 10**9}
    if ends != "later":
        task_id = (await edge.rest("POST", "/api/human-tasks", body)).json()["id"]
    if ends == "cancelled":
        await edge.rest("POST", f"/api/executions/{execution_id}/cancel", {})
    async with start_worker(gate):
        if ends == "later":
            await gate.until_called(1)
            task_id = (await edge.rest("POST", "/api/human-tasks", body)).json()["id"]
            gate.opened.set()
        await reader.until_status([execution_id], "cancelled" if ends == "cancelled" else "completed")
        # One transaction: whoever sees the end of the execution sees that of the task.
        task = (await edge.rest("GET", f"/api/human-tasks/{task_id}")).json()
    trail = [(entry["seq"], entry["action"], entry["from"]) for entry in task["auditTrail"]]
    assert (task["status"], trail[-1]) == ("obsolete", (3, "obsolete", "assigned"))
    assert await reader.connection.fetchval("select count(*) from timers where subject_id = $1", UUID(task_id)) == 0
    late = await edge.rest("POST", "/api/human-tasks", body)
    assert (late.status_code, late.json()["code"]) == (409, "task.execution_finished")


async def test_callbacks_hear_of_tasks_that_steps_open_and_executions_leave(
    edge: Edge, start_worker: StartWorker, reader: Reader
) -> None:
    made = await edge.rest("POST", "/api/callbacks", {"url": "https://shop.test/hook", "events": ["human_task.*"]})
    assert made.status_code == 201, made.text
    async with start_worker():
        execution_id = await human_execution(edge, title="Look", candidateGroups=["a"], dueInMs=3_600_000)
        task_id = await task_of(reader, execution_id)
        await edge.rest("POST", f"/api/executions/{execution_id}/cancel", {"reason": "enough"})
        # Of this task: what others have left in the outbox is told of now, too.
        sent = (
            "select payload from callback_deliveries where event_type = $1"
            " and payload::jsonb -> 'data' ->> 'taskId' = $2"
        )
        await reader.until(sent, "human_task.obsolete", task_id)
        await reader.until(sent, "human_task.created", task_id)
    created, left = [
        loads(await reader.connection.fetchval(sent, f"human_task.{what}", task_id)) for what in ("created", "obsolete")
    ]
    assert isinstance(created, dict)
    assert isinstance(left, dict)
    members = ("taskId", "stepId", "title", "candidateGroups")
    assert [created["data"][name] for name in members] == [task_id, "ask", "Look", ["a"]]  # type: ignore[index,call-overload]
    task = (await edge.rest("GET", f"/api/human-tasks/{task_id}")).json()
    assert created["data"]["dueDate"] == task["dueDate"]  # type: ignore[index,call-overload]
    assert (left["data"]["status"], left["data"]["details"]) == ("obsolete", {"by": "engine"})  # type: ignore[index,call-overload]
