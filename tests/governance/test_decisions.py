"""The decision log: what is kept of each decision, what is hidden, what report mode lets pass, where else it goes."""

import asyncio
import copy
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from engine.bootstrap import BUILT_IN_POLICY
from engine.clock import SystemClock, rfc3339
from engine.definitions.catalogue import ActionCatalogue, ActionEffect, ActionEntry
from engine.errors import Denied, NotFound
from engine.identity.actor import Actor
from engine.policy import opening
from engine.policy.bundle import Bundle, load_bundle
from engine.policy.embedded import EmbeddedEvaluator
from engine.policy.gate import PolicyMode, Resource
from engine.policy.policy_gate import PolicyGate
from engine.services.assembly import Parts, assemble
from engine.services.authority import Recording
from engine.services.identifiers import uuid7_factory
from engine.services.requests import BulkAction, BulkRequest, ExecuteRequest, PublishRequest
from engine.services.services import Services
from engine.services.values import ExecutionFilter, PageRequest, WorkflowFilter
from engine.store.database import Database
from engine.store.hot import HotConnection
from tests.federation.edge import SilentBell, workflow
from workers.decision_log import DecisionLog

CATALOGUE = ActionCatalogue.of(ActionEntry("noop", {"type": "object"}, ActionEffect.WRITE))
PAGE = PageRequest()
NEW = Resource("workflow", None)


def bundle(**rules: Any) -> Bundle:
    built_in = load_bundle(BUILT_IN_POLICY)
    data: Any = copy.deepcopy(built_in.data)
    data["maestro"]["rules"] |= rules
    return Bundle("test-1", built_in.roots, built_in.modules, data)


@asynccontextmanager
async def governed(
    database: Database, mode: PolicyMode = PolicyMode.ENFORCE, *, announces: bool = False, **rules: Any
) -> AsyncIterator[Services]:
    clock = SystemClock()
    gate = PolicyGate(EmbeddedEvaluator(bundle(**rules), clock), clock, uuid7_factory(clock), mode)
    parts = Parts(
        database, SilentBell(), gate, lambda: CATALOGUE, clock, recording=Recording(gate.needs, announces=announces)
    )
    assembled = assemble(parts)
    yield assembled.services
    await assembled.close()


@pytest.fixture
def ada() -> Actor:
    return Actor(f"t-{uuid4()}", "ada", frozenset({"editor"}), request_id="req-9", traceparent=f"00-{'a' * 32}-b-01")


def other(actor: Actor, subject: str, *roles: str, **attributes: Any) -> Actor:
    return Actor(actor.tenant, subject, frozenset(roles or {"editor"}), attributes=attributes)


async def published(services: Services, actor: Actor, **members: Any) -> UUID:
    created = await services.workflows.create(actor, workflow(**members))
    await services.workflows.publish(actor, created.id, PublishRequest())
    return created.id


async def decisions(superuser: asyncpg.Connection, actor: Actor, action: str) -> list[dict[str, Any]]:
    rows = await superuser.fetch(
        "select * from policy_decisions where tenant_id = $1 and action = $2 order by at", actor.tenant, action
    )
    read = ("input", "result", "masked")
    return [{**row, **{name: json.loads(row[name]) if row[name] else None for name in read}} for row in rows]


async def test_a_start_is_logged_whole_but_for_its_payload(
    database: Database, superuser: asyncpg.Connection, ada: Actor
) -> None:
    async with governed(database, budgets={"*": {"unfinishedExecutions": 9}}) as services:
        workflow_id = await published(services, ada, labels=["x"], environment="test")
        accepted = await services.executions.execute(ada, workflow_id, ExecuteRequest(trigger_data={"pin": "1234"}))
    (row,) = await decisions(superuser, ada, "workflow.execute")
    assert (row["execution_id"], row["policy_revision"]) == (accepted.execution.id, "test-1")
    assert (row["allowed"], row["mode"], row["masked"]) == (True, "enforce", ["/context/triggerData"])
    assert (row["path"], row["trace_id"], row["span_id"]) == ("maestro/authz/decision", "a" * 32, "b")
    assert "1234" not in json.dumps(row["input"])
    facts = row["input"]["resource"]["properties"]
    assert {name: facts[name] for name in ("labels", "environment", "stepTypes", "actionTypes", "stepCount")} == {
        "labels": ["x"],
        "environment": "test",
        "stepTypes": ["action"],
        "actionTypes": ["noop"],
        "stepCount": 1,
    }
    assert (facts["createdBy"], facts["editors"], facts["unfinishedExecutions"]) == ("ada", [], 0)


async def test_budgets_see_how_many_run_and_what_is_asked_for(database: Database, ada: Actor) -> None:
    limits = {"unfinishedExecutions": 1, "triggerData": [{"field": "amount", "atMost": 10}]}
    async with governed(database, budgets={"*": limits}) as services:
        workflow_id = await published(services, ada)
        with pytest.raises(Denied) as dear:
            await services.executions.execute(ada, workflow_id, ExecuteRequest(trigger_data={"amount": 11}))
        await services.executions.execute(ada, workflow_id, ExecuteRequest(trigger_data={"amount": 10}))
        with pytest.raises(Denied) as full:
            await services.executions.execute(ada, workflow_id, ExecuteRequest())
    assert [denial.path for denial in dear.value.denials] == ["/context/triggerData/amount"]
    assert [denial.path for denial in full.value.denials] == ["/resource/properties/unfinishedExecutions"]


async def test_what_a_tenant_may_not_use_is_refused_where_it_is_written_and_where_it_runs(
    database: Database, ada: Actor
) -> None:
    async with governed(database) as services:
        workflow_id = await published(services, ada)
    async with governed(database, tenants={ada.tenant: {"actionTypes": ["api"]}}) as services:
        for refused in (
            services.workflows.create(ada, workflow()),
            services.workflows.update(ada, workflow_id, workflow("again")),
            services.workflows.publish(ada, workflow_id, PublishRequest()),
            services.executions.execute(ada, workflow_id, ExecuteRequest()),
        ):
            with pytest.raises(Denied) as denied:
                await refused
            assert [denial.code for denial in denied.value.denials] == ["action.not_allowed"]


async def test_whoever_has_edited_since_the_last_publish_may_not_publish(database: Database, ada: Actor) -> None:
    bob, eve = other(ada, "bob"), other(ada, "eve")
    async with governed(database) as services:
        created = await services.workflows.create(ada, workflow(requireSeparatePublisher=True))
        await services.workflows.update(bob, created.id, workflow("b", requireSeparatePublisher=True))
        for editor in (ada, bob):
            with pytest.raises(Denied, match="another person"):
                await services.workflows.publish(editor, created.id, PublishRequest())
        await services.workflows.publish(eve, created.id, PublishRequest())
        await services.workflows.update(eve, created.id, workflow("c"))
        with pytest.raises(Denied, match="cannot drop that"):
            await services.workflows.publish(eve, created.id, PublishRequest())
        await services.workflows.publish(ada, created.id, PublishRequest())


async def test_lists_leave_out_what_a_read_would_refuse_with_all_that_belongs_to_it(
    database: Database, ada: Actor
) -> None:
    plain, cleared = other(ada, "vic", "viewer"), other(ada, "cleo", "viewer", clearance="restricted")
    async with governed(database) as services:
        hidden = await published(services, ada, classification="restricted")
        shown = await published(services, ada, classification="internal")
        runs = {
            one: (await services.executions.execute(ada, one, ExecuteRequest())).execution.id for one in (hidden, shown)
        }

        async def sees(actor: Actor) -> tuple[set[UUID], set[UUID], set[UUID], set[UUID], int]:
            workflows = await services.workflows.list(actor, WorkflowFilter(), PAGE)
            executions = await services.executions.list(actor, ExecutionFilter(), PAGE)
            return (
                {item.id for item in workflows.items},
                {item.id for item in executions.items},
                set(await services.workflows.get_many(actor, [hidden, shown])),
                set(await services.executions.get_many(actor, list(runs.values()))),
                workflows.total + executions.total,
            )

        everything = ({hidden, shown}, set(runs.values()), {hidden, shown}, set(runs.values()), 4)
        assert await sees(plain) == ({shown}, {runs[shown]}, {shown}, {runs[shown]}, 2)
        for actor in (ada, cleared, other(ada, "root", "admin")):
            assert await sees(actor) == everything, actor.subject
        for refused in (services.workflows.get(plain, hidden), services.executions.get(plain, runs[hidden])):
            with pytest.raises(Denied, match="clearance"):
                await refused
        with pytest.raises(NotFound):
            await services.workflows.get(other(Actor("elsewhere", ""), "eve", "admin"), hidden)


async def test_an_operation_on_many_asks_for_each_of_them(
    database: Database, superuser: asyncpg.Connection, ada: Actor
) -> None:
    rule = {"label": "payments", "actions": ["execution.cancel"], "roles": ["treasurer"]}
    operator = other(ada, "olga", "operator")
    async with governed(database, labels=[rule]) as services:
        started: list[UUID] = []
        for labels in (["payments"], ["x"], []):
            workflow_id = await published(services, ada, labels=labels)
            started.append((await services.executions.execute(ada, workflow_id, ExecuteRequest())).execution.id)
        request = BulkRequest(action=BulkAction.CANCEL)
        result = await services.executions.bulk(operator, request)
    assert (set(result.done), result.remaining) == (set(started[1:]), False)
    assert [(one.execution_id, one.code) for one in result.refused] == [(started[0], "policy.denied")]
    rows = await decisions(superuser, ada, "execution.cancel")
    found = {(row["resource_id"], row["execution_id"], row["allowed"]) for row in rows}
    assert found == {
        (None, None, True),
        (str(started[0]), started[0], False),
        *((str(each), each, True) for each in started[1:]),
    }
    asked = "select execution_id from execution_inbox where tenant_id = $1"
    assert {row["execution_id"] for row in await superuser.fetch(asked, ada.tenant)} == set(started[1:])


async def test_report_mode_lets_pass_and_says_what_it_would_have_refused(
    database: Database, superuser: asyncpg.Connection, ada: Actor
) -> None:
    viewer = other(ada, "vic", "viewer")
    async with governed(database, PolicyMode.REPORT) as services:
        workflow_id = await published(services, viewer)
        await services.executions.execute(viewer, workflow_id, ExecuteRequest())
    for action in ("workflow.create", "workflow.publish", "workflow.execute"):
        (row,) = await decisions(superuser, ada, action)
        assert (row["allowed"], row["mode"]) == (False, "report")
        assert [denial["code"] for denial in row["result"]["denials"]] == ["role.missing"]


async def test_report_mode_hides_nothing_either_and_writes_down_what_it_would_have(
    database: Database, superuser: asyncpg.Connection, ada: Actor
) -> None:
    viewer = other(ada, "vic", "viewer")
    async with governed(database, PolicyMode.REPORT) as services:
        workflow_id = await published(services, ada, classification="restricted")
        listed = await services.workflows.list(viewer, WorkflowFilter(), PAGE)
    assert [item.id for item in listed.items] == [workflow_id]
    (row,) = await decisions(superuser, ada, "workflow.read")
    assert [one["type"] for one in row["result"]["obligations"]] == ["exclude"]


async def test_a_refusal_is_logged_with_all_its_reasons(
    database: Database, superuser: asyncpg.Connection, ada: Actor
) -> None:
    async with governed(database) as services:
        with pytest.raises(Denied) as denied:
            await services.workflows.create(other(ada, "vic", "viewer"), workflow())
    (row,) = await decisions(superuser, ada, "workflow.create")
    assert (str(row["decision_id"]), row["allowed"], row["mode"]) == (denied.value.decision_id, False, "enforce")
    assert row["result"]["denials"][0]["remedy"]


async def test_decisions_reach_a_log_outside_in_opas_format_and_wait_for_it(
    database: Database, loop_connection: HotConnection, ada: Actor
) -> None:
    taken: list[Any] = []
    is_down = True

    def sink(request: httpx.Request) -> httpx.Response:
        if is_down:
            return httpx.Response(503)
        assert request.headers["content-encoding"] == "gzip"
        taken.extend(json.loads(gzip.decompress(request.content)))
        return httpx.Response(200)

    async with governed(database, announces=True) as services:
        workflow_id = await published(services, ada)
        await services.executions.execute(ada, workflow_id, ExecuteRequest(trigger_data={"pin": "1234"}))
    async with httpx.AsyncClient(transport=httpx.MockTransport(sink)) as client:
        log = DecisionLog(loop_connection, client, "http://sink.test/logs", uuid4)
        assert await log.run_once() == 0
        is_down = False
        async with database.transaction(ada.tenant) as connection:
            await connection.exec_driver_sql("update outbox set available_at = now()")
        assert await log.run_once() == 3
        assert await log.run_once() == 0
    members = {"decision_id", "bundles", "path", "input", "result", "requested_by", "timestamp", "metrics", "erased"}
    assert all(members <= set(event) for event in taken)
    executed = [event for event in taken if event["input"]["action"]["name"] == "workflow.execute"]
    assert [event["masked"] for event in executed] == [["/input/context/triggerData"]]
    assert executed[0]["bundles"] == {"maestro": {"revision": "test-1"}}
    assert "1234" not in json.dumps(taken)
    async with database.transaction(ada.tenant) as connection:
        found = await connection.exec_driver_sql('select * from policy_decision_log order by "timestamp"')
        rows = {str(row["decision_id"]): row for row in found.mappings()}
        other_tenants = await connection.exec_driver_sql(
            "select 1 from policy_decision_log where tenant_id <> $1", (ada.tenant,)
        )
        assert other_tenants.all() == []
    same = ["path", "input", "result", "requested_by", "bundles", "metrics", "erased", "masked", "trace_id", "span_id"]
    assert len(rows) == len(taken)
    for event in taken:
        row = rows[event["decision_id"]]
        assert {name: row[name] for name in same} == {name: event[name] for name in same}
        assert rfc3339(row["timestamp"]) == event["timestamp"]


async def test_a_changed_bundle_comes_into_force_in_a_running_process_and_a_bad_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "WATCH_EVERY_S", 0.01)
    folder = tmp_path / "policies"
    folder.mkdir()

    def decide(allow: str) -> None:
        text = f'package maestro.authz\ndecision := {{"allow": {allow}, "denials": [], "obligations": []}}\n'
        (folder / "authz.rego").write_text(text)

    decide("true")
    source = opening.PolicySource(None, folder, None, PolicyMode.ENFORCE)
    async with opening.open_policy(source, SystemClock(), uuid4) as policy:
        gate = policy.gate
        first = await gate.authorise(Actor("t", "ann"), "workflow.create", NEW)
        (folder / "authz.rego").write_text("package maestro.authz\ndecision := nonsense(")
        await asyncio.sleep(0.1)
        assert (await gate.authorise(Actor("t", "ann"), "workflow.create", NEW)).policy_revision == (
            first.policy_revision
        )
        decide("false")
        async with asyncio.timeout(60):
            while True:
                try:
                    await gate.authorise(Actor("t", "ann"), "workflow.create", NEW)
                except Denied:
                    break
                await asyncio.sleep(0.05)
