"""What workflows, tasks and escalations want said, through real workers, a real mail server and a real target."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from engine.actions.api import Api
from engine.actions.connections.values import ConnectionKind
from engine.actions.email import Email
from engine.actions.slack import Slack
from engine.actions.tools import ActionTools
from engine.jsonvalue import JsonObject, loads
from tests.actions.connected import Connections, Names, tools_allowing
from tests.actions.servers import Server, http_server, json_answer
from tests.actions.test_email import Mailbox, mailbox
from tests.federation.edge import Edge, open_edge, workflow
from tests.workers.conftest import Reader, StartWorker

HUMAN: JsonObject = {"id": "ask", "name": "Ask", "type": "human"}


@pytest.fixture
async def edge(database_url: str) -> AsyncIterator[Edge]:
    async with open_edge(database_url) as opened:
        yield opened


@pytest.fixture
def start_worker(start_worker: StartWorker) -> StartWorker:
    """Workers that look often: the API of these tests rings no bell."""
    return partial(start_worker, sweep_s=0.05, sweep_age_s=0.0)


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as opened:
        yield opened


@pytest.fixture
async def target() -> AsyncIterator[Server]:
    async with http_server(lambda _: json_answer(b"{}")) as server:
        yield server


@pytest.fixture
async def tools(box: Mailbox, target: Server) -> AsyncIterator[ActionTools]:
    """Of a tenant that has configured nothing but two connections."""
    connections = Connections()
    settings: JsonObject = {"host": "mail.example", "port": box.port, "from": "m@example.org", "security": "none"}
    connections.add("email", ConnectionKind.SMTP, settings)
    connections.add("slack", ConnectionKind.SLACK, {}, {"webhookUrl": f"{target.url}/hook"})
    names = Names(**{"mail_example": [["127.0.0.1"]], "127_0_0_1": [["127.0.0.1"]]})
    allowed = (f"127.0.0.1:{box.port}", f"127.0.0.1:{target.port}")
    made = tools_allowing(*allowed, connections=connections, names=names)
    yield made
    await made.close()


def subjects(box: Mailbox) -> list[str]:
    lines = [line for message in box.messages for line in message.decode().splitlines()]
    return sorted(line.removeprefix("Subject: ") for line in lines if line.startswith("Subject: "))


async def until_said(reader: Reader, subject_id: str) -> None:
    """Return when the events of an execution or task were published, and nothing waits that must be said of it."""
    await reader.until(
        "select 1 where not exists (select from outbox where topic not like 'ledger.%' "
        "and $1 in (subject_id, payload ->> 'executionId'))",
        subject_id,
    )


async def test_what_older_documents_ask_for_is_sent_over_connections_alone(
    edge: Edge, start_worker: StartWorker, reader: Reader, box: Mailbox, target: Server, tools: ActionTools
) -> None:
    older = {"onStart": True, "onComplete": "slack", "channels": ["email"], "recipients": ["ops@example.org", "ann"]}
    execution = await edge.executed(workflow("telling", settings={"notifications": older}))
    async with start_worker(Email(tools), Slack(tools)):
        await reader.until_status([UUID(execution["id"])], "completed")
        await until_said(reader, execution["id"])
    assert box.recipients == ["ops@example.org"]
    assert subjects(box) == ["Started: telling"]
    assert [(sent.target, b"telling has completed" in sent.body) for sent in target.requests] == [("/hook", True)]
    buried = await reader.connection.fetch(
        "select cause_code, cause_message from dead_letters where subject_id = $1", f"notification:{execution['id']}"
    )
    assert {row["cause_code"] for row in buried} == {"notification.unreachable"}
    assert all("'ann'" in row["cause_message"] for row in buried)


async def test_escalation_reaches_people_once_for_each_level(
    edge: Edge, start_worker: StartWorker, reader: Reader, box: Mailbox, target: Server, tools: ActionTools
) -> None:
    body = {"task": "{{event.taskId}}", "of": "{{event.assignees}}"}
    said: Any = {"actionType": "api", "actionConfig": {"method": "POST", "url": f"{target.url}/pager", "body": body}}
    levels: Any = [
        {"afterMs": 1, "action": "notify", "assignees": ["boss@example.org", "ann"]},
        {"afterMs": 2, "action": "notify"},
        {"afterMs": 3, "action": "reassign", "assignees": ["cy@example.org"], "notification": said},
        {"afterMs": 4, "action": "notify", "groups": ["leads"], "notification": False},
        {"afterMs": 5, "action": "raisePriority"},
    ]
    config: JsonObject = {"title": "Decide", "assignees": ["bo@example.org"], "escalation": levels}
    execution = await edge.executed(workflow("asking", steps=[{**HUMAN, "config": config}]))
    # Two workers look for the same timers, and share the outbox.
    async with start_worker(Email(tools), Api(tools)), start_worker(Email(tools), Api(tools)):
        await reader.until(
            "select 1 from human_tasks where execution_id = $1 and escalation_level = 5", UUID(execution["id"])
        )
        await until_said(reader, execution["id"])
    assert sorted(box.recipients) == ["bo@example.org", "boss@example.org"]
    assert subjects(box) == ["Escalated: Decide"] * 2
    (paged,) = target.requests
    task_id = await reader.connection.fetchval(
        "select id from human_tasks where execution_id = $1", UUID(execution["id"])
    )
    assert (paged.target, loads(paged.body)) == ("/pager", {"task": str(task_id), "of": ["cy@example.org"]})
    buried = "select count(*) from dead_letters where subject_id = $1"
    assert await reader.connection.fetchval(buried, f"notification:{execution['id']}") == 0


async def test_hooks_hear_of_tasks_too(
    edge: Edge, start_worker: StartWorker, reader: Reader, box: Mailbox, tools: ActionTools
) -> None:
    hooks = dict.fromkeys(("onTaskCreated", "onTaskWarning", "onTaskBreached", "onTaskEscalated"), "ops@example.org")
    config: JsonObject = {
        "title": "Decide {{triggerData}}", "sla": {"completionMs": 4, "warnAtPct": 50},
        "escalation": [{"afterMs": 5, "action": "fail"}],
    }  # fmt: skip
    asking = workflow("asking", steps=[{**HUMAN, "config": config}], settings={"notifications": hooks})
    execution = await edge.executed(asking)
    async with start_worker(Email(tools)):
        await reader.until_status([UUID(execution["id"])], "failed")
        await until_said(reader, execution["id"])
    assert subjects(box) == [f"{what}: Decide {{}}" for what in ("Due soon", "Escalated", "Overdue", "To do")]


async def test_a_task_that_a_person_opened_writes_to_its_people_and_runs_no_actions(
    edge: Edge, start_worker: StartWorker, reader: Reader, box: Mailbox, tools: ActionTools
) -> None:
    said: JsonObject = {"actionType": "noop"}
    body: JsonObject = {"title": "Look", "escalation": [{"afterMs": 1, "action": "notify", "notification": said}]}
    refused = await edge.rest("POST", "/api/human-tasks", body)
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "/escalation/0/notification")

    body = {"title": "Look", "escalation": [{"afterMs": 1, "action": "notify", "assignees": ["ops@example.org"]}]}
    made = (await edge.rest("POST", "/api/human-tasks", body)).json()
    async with start_worker(Email(tools)):
        await reader.until("select 1 from human_tasks where id = $1 and escalation_level = 1", UUID(made["id"]))
        await until_said(reader, made["id"])
        # A person's escalation to the same people is another one, and says so once.
        again = await edge.rest(
            "POST", f"/api/human-tasks/{made['id']}/escalate", {"action": "notify", "assignees": ["eve@example.org"]}
        )
        assert again.status_code == 200, again.text
        await until_said(reader, made["id"])
    assert box.recipients == ["ops@example.org", "eve@example.org"]
