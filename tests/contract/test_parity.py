"""Both doors do the same: every mutation has its route, every writing route its mutation, or there is a reason."""

import pytest

from rest_shim.routes.table import ROUTES
from rest_shim.table import Method
from tests.contract.test_gate_walk import MUTATIONS

ROUTES_OF = {"upsertConnection": {"createConnection", "replaceConnection"}}
"""Mutations whose routes have other names; all others have one of their own name."""
ONLY_OVER_REST = {
    "receiveWebhook": "senders of webhooks sign what they send and have no token",
    "buildWorkflow": "the address that older clients create drafts at: `createWorkflow` is its mutation",
    "deleteHumanTask": "the verb that older clients cancel tasks by: `cancelHumanTask` is its mutation",
}
PROMISED = """
GET POST /api/workflows · POST /api/workflows/validate · GET PUT DELETE /api/workflows/{id}
POST /api/workflows/{id}/publish · GET /api/workflows/{id}/versions · GET /api/workflows/{id}/versions/{version}
POST /api/workflows/{id}/execute
GET /api/executions · GET /api/executions/{id} · POST /api/executions/{id}/cancel · POST /api/executions/{id}/pause
POST /api/executions/{id}/resume · POST /api/executions/{id}/retry · POST /api/executions/{id}/signals/{name}
POST /api/executions/bulk · POST /api/executions/{id}/steps/{stepId}/resolve · GET /api/executions/{id}/logs
GET /api/executions/{id}/events · GET /api/executions/{id}/evidence
GET POST /api/human-tasks · GET PATCH DELETE /api/human-tasks/{id} · POST /api/human-tasks/{id}/assign
POST /api/human-tasks/{id}/claim · POST /api/human-tasks/{id}/start · POST /api/human-tasks/{id}/escalate
POST /api/human-tasks/{id}/complete · POST /api/human-tasks/{id}/cancel
POST /api/webhooks/workflow/{workflowId}/{triggerPath}
GET POST /api/workflows/{id}/webhook-secrets · POST /api/workflows/{id}/webhook-secrets/rotate
DELETE /api/workflows/{id}/webhook-secrets/{secretId}
GET /api/schedules · GET /api/schedules/{id}/ticks · POST /api/schedules/reconcile · POST /api/schedules/{id}/pause
POST /api/schedules/{id}/resume · POST /api/schedules/{id}/backfill · POST /api/events
GET /api/workflow-templates · POST /api/workflow-templates/{id}/create · POST /api/workflow-builder
GET /api/dead-letters · POST /api/dead-letters/{id}/redrive
GET POST /api/connections · GET PUT DELETE /api/connections/{name} · GET /api/actions
GET /api/webhook-deliveries · POST /api/webhook-deliveries/{id}/replay · GET POST /api/callbacks
DELETE /api/callbacks/{id} · GET /api/audit · GET /api/policy/preview
GET /api/ledger/checkpoint · GET /api/ledger/keys · GET /api/ledger/entries/{index} · GET /api/ledger/proof/inclusion
GET /api/ledger/proof/consistency · GET /api/schemas/workflow-definition · GET /api/schemas/actions/{name}
GET /api/analytics/workflow-stats · GET /api/analytics/execution-metrics
GET /health · GET /livez · GET /readyz
"""
"""What older and present clients rely on: nothing of it may go."""

WRITING = {route.name for route in ROUTES if route.method is not Method.GET}


@pytest.mark.parametrize("mutation", sorted(MUTATIONS.fields))
def test_every_mutation_has_its_route(mutation: str) -> None:
    assert ROUTES_OF.get(mutation, {mutation}) <= WRITING


def test_every_writing_route_has_its_mutation_or_a_reason() -> None:
    reached = {route for mutation in MUTATIONS.fields for route in ROUTES_OF.get(mutation, {mutation})}
    assert WRITING - reached == set(ONLY_OVER_REST)


def test_every_promised_route_is_there() -> None:
    served = {(str(route.method), route.template) for route in ROUTES}
    promised = set()
    for entry in PROMISED.replace("\n", " · ").split(" · "):
        *methods, path = entry.split() or [""]
        promised |= {(method, path) for method in methods}
    assert len(promised) > 70
    assert promised - served == set()
