"""Every mutation and every route asks the gate: what a new one forgets, this walk finds."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import pytest
from graphql import GraphQLInputObjectType, GraphQLNonNull, GraphQLObjectType, get_named_type, is_enum_type
from sqlalchemy import insert

from engine.identity.actor import Actor
from engine.policy.gate import Decision, Resource
from engine.services.authority import Authority
from engine.services.permits import Permit
from engine.store.tables.delivery import dead_letters
from federation.app import graph_config
from federation.config import AppConfig
from resolvers.graph import build_schema
from rest_shim.routes.table import ROUTES
from rest_shim.table import Route
from tests.federation.edge import Edge, workflow
from tests.webhooks.senders import deliveries_of, open_sender

SCHEMA = build_schema(graph_config(AppConfig()))
MUTATIONS = cast("GraphQLObjectType", SCHEMA._schema.mutation_type)

ACTION_OF = {
    "createWorkflow": "workflow.create",
    "updateWorkflow": "workflow.update",
    "archiveWorkflow": "workflow.archive",
    "publishWorkflow": "workflow.publish",
    "validateWorkflow": "workflow.validate",
    "createWorkflowFromTemplate": "workflow.create",
    "executeWorkflow": "workflow.execute",
    "cancelExecution": "execution.cancel",
    "pauseExecution": "execution.pause",
    "resumeExecution": "execution.resume",
    "retryExecution": "execution.retry",
    "signalExecution": "execution.signal",
    "resolveStep": "execution.resolve",
    "bulkExecutions": "execution.bulk",
    "redriveDeadLetter": "dead_letter.redrive",
    "createWebhookSecret": "webhook_secret.create",
    "rotateWebhookSecret": "webhook_secret.rotate",
    "revokeWebhookSecret": "webhook_secret.revoke",
    "replayWebhookDelivery": "webhook_delivery.replay",
    "createCallback": "callback.create",
    "rotateCallbackSecret": "callback.rotate",
    "deleteCallback": "callback.delete",
    "upsertConnection": "connection.write",
    "deleteConnection": "connection.delete",
    "createHumanTask": "human_task.create",
    "updateHumanTask": "human_task.update",
    "claimHumanTask": "human_task.claim",
    "releaseHumanTask": "human_task.release",
    "assignHumanTask": "human_task.assign",
    "delegateHumanTask": "human_task.delegate",
    "forwardHumanTask": "human_task.forward",
    "startHumanTask": "human_task.start",
    "suspendHumanTask": "human_task.suspend",
    "resumeHumanTask": "human_task.resume",
    "completeHumanTask": "human_task.complete",
    "failHumanTask": "human_task.fail",
    "skipHumanTask": "human_task.skip",
    "cancelHumanTask": "human_task.cancel",
    "escalateHumanTask": "human_task.escalate",
    "commentHumanTask": "human_task.comment",
    "reconcileSchedules": "schedule.reconcile",
    "pauseSchedule": "schedule.pause",
    "resumeSchedule": "schedule.resume",
    "backfillSchedule": "schedule.backfill",
    "emitEvent": "event.emit",
}
"""What each mutation must ask; one that is missing here fails the walk."""

BODIES: dict[str, Any] = {
    "createWorkflow": workflow(),
    "updateWorkflow": workflow("changed"),
    "validateWorkflow": workflow(),
    "buildWorkflow": workflow(),
    "resolveStep": {"outcome": "retry"},
    "bulkExecutions": {"action": "cancel", "filter": {"workflowId": str(uuid4())}},
    "createHumanTask": {"title": "Look"},
    "backfillSchedule": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z"},
    "emitEvent": {"type": "shop.ordered", "payload": {}},
}
OF_THE_LOG = {"getLedgerCheckpoint", "getLedgerEntry", "getLedgerInclusionProof", "getLedgerConsistencyProof"}
"""The public side of the ledger's log: whoever has a token may read it, and policy has no say in it."""
KNOWN = [route for route in ROUTES if not route.public and route.name != "streamExecutionEvents"]
"""The stream does not end by itself here; it has its own test."""
GATED = [route for route in KNOWN if route.name not in OF_THE_LOG]
ASKED_WITH = {"previewPolicy": "?action=workflow.read"}
"""Parameters that a route cannot do without."""


async def things(edge: Edge, *wanted: str) -> dict[str, str]:
    """Identifiers of things that are there; those in `RARER` only where they are wanted."""
    execution = await edge.executed()
    ids = {"workflowId": execution["workflowId"], "executionId": execution["id"], "templateId": await template(edge)}
    for name in wanted:
        if name in RARER:
            ids[name] = await RARER[name](edge, ids)
    return ids


async def secret_of(edge: Edge, ids: dict[str, str]) -> str:
    answer = await edge.rest("POST", f"/api/workflows/{ids['workflowId']}/webhook-secrets", {})
    return str(answer.json()["id"])


async def delivery_of(edge: Edge, _ids: dict[str, str]) -> str:
    sender = await open_sender(edge)
    await sender.send({}, datetime.now(UTC))
    (delivery,) = await deliveries_of(sender)
    return str(delivery["id"])


async def callback_of(edge: Edge, _ids: dict[str, str]) -> str:
    answer = await edge.rest("POST", "/api/callbacks", {"url": "https://shop.test/hook", "events": ["*"]})
    return str(answer.json()["id"])


async def connection_of(edge: Edge, _ids: dict[str, str]) -> str:
    name = f"c-{uuid4()}"
    await edge.rest("POST", "/api/connections", {**CONNECTION, "name": name})
    return name


async def letter_of(edge: Edge, _ids: dict[str, str]) -> str:
    letter_id = uuid4()
    parcel = {"kind": "outbox", "subject_id": "topic:1", "cause_code": "no", "cause_message": "No.", "history": []}
    async with edge.database.transaction("acme") as connection:
        await connection.execute(insert(dead_letters).values(tenant_id="acme", id=letter_id, payload={}, **parcel))
    return str(letter_id)


async def task_of(edge: Edge, _ids: dict[str, str]) -> str:
    return str((await edge.rest("POST", "/api/human-tasks", {"title": "Look"})).json()["id"])


async def schedule_of(edge: Edge, _ids: dict[str, str]) -> str:
    trigger = {"id": "clock", "type": "schedule", "config": {"schedule": "0 0 1 1 *"}}
    created = await edge.published(workflow(triggers=[trigger]))
    (found,) = (await edge.rest("GET", f"/api/schedules?workflowId={created['id']}")).json()
    return str(found["id"])


CONNECTION: dict[str, Any] = {"name": "shop", "kind": "http", "settings": {"baseUrl": "https://shop.test"}}
RARER: dict[str, Callable[[Edge, dict[str, str]], Awaitable[str]]] = {
    "secretId": secret_of,
    "deliveryId": delivery_of,
    "connectionName": connection_of,
    "name": connection_of,
    "callbackId": callback_of,
    "deadLetterId": letter_of,
    "taskId": task_of,
    "scheduleId": schedule_of,
}
IDENTIFIED: dict[str, str] = {
    "/api/executions": "executionId",
    "/api/workflow-templates": "templateId",
    "/api/webhook-deliveries": "deliveryId",
    "/api/dead-letters": "deadLetterId",
    "/api/human-tasks": "taskId",
    "/api/schedules": "scheduleId",
    "/api/connections": "connectionName",
    "/api/callbacks": "callbackId",
}
"""What `{id}` (or `{name}`) of a path names, by how the path begins; a workflow where nothing is said."""


async def template(edge: Edge) -> str:
    found = (await edge.rest("GET", "/api/workflow-templates")).json()
    return str(found[0]["id"])


def path_of(route: Route, ids: dict[str, str]) -> str:
    kind = kind_of(route)
    filled = route.template.replace("{id}", ids[kind]).replace("{version}", "1.0.0").replace("{stepId}", "greet")
    if "{secretId}" in filled:
        filled = filled.replace("{secretId}", ids["secretId"])
    return filled.replace("{name}", ids[kind] if kind == "connectionName" else "go")


def kind_of(route: Route) -> str:
    found = [kind for start, kind in IDENTIFIED.items() if route.path == start or route.path.startswith(f"{start}/")]
    return found[0] if found else "workflowId"


def wanted_of(route: Route) -> tuple[str, ...]:
    return (kind_of(route), *(["secretId"] if "{secretId}" in route.path else []))


@pytest.mark.parametrize("route", GATED, ids=lambda route: f"{route.method} {route.path}")
async def test_every_route_asks_for_its_action(edge: Edge, route: Route) -> None:
    await walk_route(edge, route)


async def walk_route(edge: Edge, route: Route) -> None:
    ids = await things(edge, *wanted_of(route))
    edge.gate.asked.clear()
    body = BODIES.get(route.name, {}) if route.body is not None else None

    response = await edge.rest(route.method, path_of(route, ids) + ASKED_WITH.get(route.name, ""), body)

    assert response.status_code < 500, response.text
    assert route.action is not None
    assert route.action in edge.gate.asked, (route.action, edge.gate.asked, response.text)


@pytest.mark.parametrize("route", KNOWN, ids=lambda route: f"{route.method} {route.path}")
async def test_no_route_answers_without_a_token(edge: Edge, route: Route) -> None:
    ids = dict.fromkeys(("workflowId", "executionId", "templateId", *RARER), str(uuid4()))
    edge.gate.asked.clear()

    response = await edge.client.request(route.method, path_of(route, ids))

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert edge.gate.asked == []


def example(kind: Any, ids: dict[str, str], name: str) -> Any:
    inner = get_named_type(kind)
    if name in ids:
        return ids[name]
    if name == "definition":
        return workflow()
    if is_enum_type(inner):
        return next(iter(inner.values))
    if isinstance(inner, GraphQLInputObjectType):
        return {}
    samples = {
        "Int": 1,
        "Boolean": False,
        "DateTime": "2026-01-01T00:00:00Z",
        "SemVer": "1.0.0",
    }
    return samples.get(inner.name, "greet")


@pytest.mark.parametrize("name", sorted(MUTATIONS.fields))
async def test_every_mutation_asks_for_its_action(edge: Edge, name: str) -> None:
    await walk_mutation(edge, name)


async def walk_mutation(edge: Edge, name: str) -> None:
    field = MUTATIONS.fields[name]
    kind = get_named_type(field.args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType)
    ids = await things(edge, *kind.fields)
    given = {n: example(f.type, ids, n) for n, f in kind.fields.items() if isinstance(f.type, GraphQLNonNull)}
    edge.gate.asked.clear()

    response = await edge.post_graphql(
        f"mutation ($input: {kind.name}!) {{ {name}(input: $input) {{ __typename }} }}", {"input": given}
    )

    assert response.status_code == 200, response.text
    assert "errors" not in response.json(), json.dumps(response.json())
    assert ACTION_OF[name] in edge.gate.asked, (ACTION_OF[name], edge.gate.asked)


ONE_OF_EACH_NOUN = sorted({ACTION_OF[name].split(".")[0]: name for name in sorted(ACTION_OF)}.values())


def remove_gate(monkeypatch: pytest.MonkeyPatch, removed: str) -> None:
    """Make the use cases that ask for an action forget to ask."""
    permit = Authority.permit

    async def forgetful(self: Authority, actor: Actor, action: str, resource: Resource, *context: Any) -> Permit:
        if action == removed:
            return Permit(actor, action, resource, Decision(str(uuid4()), "nobody was asked"))
        return await permit(self, actor, action, resource, *context)

    monkeypatch.setattr(Authority, "permit", forgetful)


@pytest.mark.parametrize("name", ONE_OF_EACH_NOUN)
async def test_the_walk_fails_where_a_gate_is_removed(edge: Edge, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    remove_gate(monkeypatch, ACTION_OF[name])
    with pytest.raises(AssertionError, match=ACTION_OF[name]):
        await walk_mutation(edge, name)
    for route in [route for route in GATED if route.name == name]:
        with pytest.raises(AssertionError, match=ACTION_OF[name]):
            await walk_route(edge, route)


@pytest.mark.parametrize("name", sorted(MUTATIONS.fields))
async def test_nobody_without_a_known_role_changes_anything(edge: Edge, name: str) -> None:
    kind = get_named_type(MUTATIONS.fields[name].args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType)
    ids = await things(edge, *kind.fields)
    given = {n: example(f.type, ids, n) for n, f in kind.fields.items() if isinstance(f.type, GraphQLNonNull)}

    data = await edge.graphql(
        f"""mutation ($input: {kind.name}!) {{ {name}(input: $input) {{
              __typename
              ... on PolicyDenied {{ decisionId policyRevision denials {{ code message path policy }} }} }} }}""",
        {"input": given},
        role="stranger",
    )

    if name == "validateWorkflow":
        assert data[name]["__typename"] == "ValidateWorkflowSuccess"
        return
    assert data[name]["__typename"] == "PolicyDenied"
    assert data[name]["denials"]


def test_every_result_has_all_expected_failures() -> None:
    expected = {"ValidationFailed", "PolicyDenied", "Conflict", "NotFound", "RateLimited"}
    for name, field in MUTATIONS.fields.items():
        title = name[0].upper() + name[1:]
        result = get_named_type(field.type)
        members = {kind.name for kind in result.types}
        assert result.name == f"{title}Result"
        assert members == expected | {f"{title}Success"}
        assert get_named_type(field.args["input"].type).name == f"{title}Input"
        assert list(field.args) == ["input"]
