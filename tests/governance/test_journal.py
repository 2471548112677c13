"""The journal: every decision is in the log, also of reads and of what came to nothing, once and with its number."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.exc import ProgrammingError

from engine.errors import Unavailable
from engine.identity.actor import Actor
from engine.policy.gate import Decision, Resource
from engine.services import decision_journal
from engine.services.decision_journal import DecisionJournal
from engine.services.permits import Permit
from engine.services.requests import ControlRequest, ExecuteRequest
from engine.services.values import PageRequest, WorkflowFilter
from engine.store.database import Database
from engine.store.governance import record_decisions
from engine.store.hot import HotConnection
from tests.clock import FakeClock
from tests.federation.edge import Edge, open_edge
from tests.governance.test_decisions import decisions, governed, other, published
from workers.retention import Retention

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def ada() -> Actor:
    return Actor(f"t-{uuid4()}", "ada", frozenset({"editor"}), request_id="req-9")


@pytest_asyncio.fixture
async def edge(database_url: str) -> AsyncIterator[Edge]:
    async with open_edge(database_url) as opened:
        yield opened


def read_of(actor: Actor, resource: str, at: str = "workflow.read") -> Permit:
    return Permit(actor, at, Resource("workflow", resource), Decision(str(uuid4()), "r1"))


async def test_equal_reads_are_one_row_with_their_number(
    database: Database, superuser: asyncpg.Connection, ada: Actor
) -> None:
    bob = other(ada, "bob", "viewer")
    async with governed(database) as services:
        workflow_id = await published(services, ada)
        for _ in range(3):
            await services.workflows.get(ada, workflow_id)
        await services.workflows.get(bob, workflow_id)
        await services.workflows.list(bob, WorkflowFilter(), PageRequest())
    rows = await decisions(superuser, ada, "workflow.read")
    found = [(row["requested_by"], str(row["resource_id"]), row["times"]) for row in rows]
    assert found == [("ada", str(workflow_id), 3), ("bob", str(workflow_id), 1), ("bob", "None", 1)]
    for row in rows:
        assert (row["allowed"], row["mode"], row["execution_id"]) == (True, "enforce", None)
        assert row["at"] <= row["last_at"] < row["kept_until"] == row["last_at"] + timedelta(days=30)
        assert row["input"]["subject"]["id"] == row["requested_by"]


async def test_a_permission_that_came_to_nothing_is_in_the_log_once_and_a_change_is_not_told_twice(
    edge: Edge, superuser: asyncpg.Connection
) -> None:
    actor = Actor("acme", "ada")
    created = await edge.published()
    path = f"/api/workflows/{created['id']}"
    assert (await edge.rest("PUT", path, {"name": 7})).status_code == 422
    assert (await edge.rest("POST", f"{path}/publish", {"bump": "major"})).status_code == 409
    assert (await edge.rest("POST", f"{path}/execute", {"version": "9.9.9"})).status_code == 404
    failed = "mutation ($i: UpdateWorkflowInput!) { updateWorkflow(input: $i) { __typename } }"
    answer = await edge.graphql(failed, {"i": {"workflowId": created["id"], "definition": {"name": 7}}})
    assert answer["updateWorkflow"]["__typename"] == "ValidationFailed"
    await edge.services.journal.flush()

    async def of(action: str) -> list[dict[str, Any]]:
        return [row for row in await decisions(superuser, actor, action) if row["resource_id"] == created["id"]]

    assert [(row["allowed"], row["times"], row["kept_until"] is None) for row in await of("workflow.update")] == [
        (True, 1, False),
        (True, 1, False),
    ]
    assert [row["kept_until"] is None for row in await of("workflow.publish")] == [True, False]
    assert [row["execution_id"] for row in await of("workflow.execute")] == [None]
    audited = await superuser.fetchval("select count(*) from audit_entries where resource_id = $1", created["id"])
    assert audited == 2


async def test_a_change_that_is_rolled_back_after_its_record_leaves_its_decision(
    database: Database, superuser: asyncpg.Connection, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with governed(database) as services:
        workflow_id = await published(services, ada)
        accepted = await services.executions.execute(ada, workflow_id, ExecuteRequest())

        async def broken(*_: object) -> None:
            raise Unavailable("postgresql", "gone")

        # The audit entry is the last that is written, behind the decision.
        monkeypatch.setattr("engine.services.authority.record_audit", broken)
        with pytest.raises(Unavailable):
            async with services.journal.call():
                await services.executions.cancel(ada, accepted.execution.id, ControlRequest())
    (row,) = await decisions(superuser, ada, "execution.cancel")
    assert (row["allowed"], row["kept_until"] is None) == (True, False)
    assert await superuser.fetchval("select count(*) from execution_inbox where tenant_id = $1", ada.tenant) == 0


async def test_what_the_database_has_not_taken_is_kept_and_what_it_has_is_not_doubled(
    database: Database, superuser: asyncpg.Connection, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = DecisionJournal(database, FakeClock(NOW), announces=True)
    first, second = read_of(ada, "one"), read_of(ada, "two")
    journal.note(first)
    is_down = True

    async def written(*arguments: Any, **options: Any) -> None:
        if is_down:
            raise Unavailable("postgresql", "gone")
        await record_decisions(*arguments, **options)

    monkeypatch.setattr(decision_journal, "record_decisions", written)
    with pytest.raises(Unavailable):
        await journal.flush()
    journal.note(read_of(ada, "one"))
    journal.note(second)
    is_down = False
    assert await journal.flush() == 2
    assert await journal.flush() == 0
    rows = await decisions(superuser, ada, "workflow.read")
    assert sorted((row["resource_id"], row["times"]) for row in rows) == [("one", 2), ("two", 1)]
    assert await superuser.fetchval("select count(*) from outbox where tenant_id = $1", ada.tenant) == 2
    await journal.close()


async def test_it_writes_by_itself_a_moment_later(
    database: Database, superuser: asyncpg.Connection, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision_journal, "FLUSH_S", 0.01)
    written = asyncio.Event()

    async def told(*arguments: Any, **options: Any) -> None:
        await record_decisions(*arguments, **options)
        written.set()

    monkeypatch.setattr(decision_journal, "record_decisions", told)
    journal = DecisionJournal(database, FakeClock(NOW), announces=False)
    for name in ("one", "two"):
        journal.note(read_of(ada, name))
        async with asyncio.timeout(60):
            await written.wait()
        written.clear()
    await journal.close()
    rows = await decisions(superuser, ada, "workflow.read")
    assert [(row["resource_id"], row["times"]) for row in rows] == [("one", 1), ("two", 1)]


async def test_rows_go_when_their_time_is_over_and_no_others(
    database: Database, loop_connection: HotConnection, superuser: asyncpg.Connection, ada: Actor
) -> None:
    async with governed(database) as services:
        workflow_id = await published(services, ada)
        await services.workflows.get(ada, workflow_id)
    old = "update policy_decisions set at = now() - interval '1 year', kept_until = kept_until - interval '31 days'"
    await superuser.execute(old)
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with database.transaction(ada.tenant) as connection:
            await connection.exec_driver_sql("delete from policy_decisions")
    await Retention(loop_connection, None, lambda: 0.5).run_once()
    left = await superuser.fetch("select action from policy_decisions where tenant_id = $1", ada.tenant)
    assert sorted(row["action"] for row in left) == ["workflow.create", "workflow.publish"]
    await loop_connection.fetch("delete from policy_decisions")
    assert await superuser.fetchval("select count(*) from policy_decisions where tenant_id = $1", ada.tenant) == 2
