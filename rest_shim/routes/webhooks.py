"""`/api/webhooks`, the secrets of webhooks, and their deliveries."""

from uuid import UUID

from engine.errors import (
    Conflict,
    Denied,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
    ValidationFailed,
)
from engine.services.services import Services
from engine.services.webhook_values import Arrived, CreateSecretRequest, DeliveryFilter, RotateSecretRequest
from rest_shim.call import Call
from rest_shim.models.paging import LIST_HEADERS, PageQuery, list_headers, page_request
from rest_shim.models.webhooks import (
    RECEIPT_SCHEMA,
    CreateSecretBody,
    DeliveryBody,
    DeliveryQuery,
    ReceiptBody,
    ReplayBody,
    RotateSecretBody,
    SecretBody,
    ShownSecretBody,
)
from rest_shim.nouns import Noun
from rest_shim.origin import origin_of
from rest_shim.table import Answer, Document, Method, Reply, Route


async def admit(services: Services, source: str) -> None:
    """Count a delivery before anything of it is looked at."""
    await services.webhooks.admit(source)


async def receive(call: Call) -> Answer:
    """Start an execution for a signed delivery."""
    headers, origin = call.request.headers, origin_of(call.request.scope)
    arrived = Arrived(
        workflow_id=_identifier(call.text("workflowId")),
        path=call.text("triggerPath"),
        headers={name: ", ".join(headers.getlist(name)) for name in headers},
        body=await call.request.body(),
        source=origin.source,
        request_id=origin.request_id,
        traceparent=origin.traceparent,
    )
    return Answer(ReceiptBody.of(await call.services.webhooks.receive(arrived)))


async def find_secrets(call: Call) -> Answer:
    """Secrets of a workflow, without the secrets."""
    query = call.query(PageQuery)
    page = page_request(query.page, query.limit, query.cursor)
    workflow_id = call.id(Noun.WORKFLOW)
    found = await call.services.webhook_secrets.list(call.actor, workflow_id, page)
    headers = list_headers(f"/api/workflows/{workflow_id}/webhook-secrets", call.request.query_params, found)
    return Answer([SecretBody.of(view) for view in found.items], headers=headers)


async def create_secret(call: Call) -> Answer:
    """A further secret."""
    request = await call.body(CreateSecretBody, lambda faults: CreateSecretRequest(faults=faults))
    shown = await call.services.webhook_secrets.create(call.actor, call.id(Noun.WORKFLOW), request)
    return Answer(ShownSecretBody.of(shown), 201)


async def rotate_secret(call: Call) -> Answer:
    """A new secret; the old ones go on for a while."""
    request = await call.body(RotateSecretBody, lambda faults: RotateSecretRequest(faults=faults))
    shown = await call.services.webhook_secrets.rotate(call.actor, call.id(Noun.WORKFLOW), request)
    return Answer(ShownSecretBody.of(shown), 201)


async def revoke_secret(call: Call) -> Answer:
    """End a secret at once."""
    workflow_id, secret_id = call.id(Noun.WORKFLOW), call.id(Noun.WEBHOOK_SECRET, "secretId")
    return Answer(SecretBody.of(await call.services.webhook_secrets.revoke(call.actor, workflow_id, secret_id)))


async def find_deliveries(call: Call) -> Answer:
    """Deliveries, newest first."""
    query = call.query(DeliveryQuery)
    page = page_request(query.page, query.limit, query.cursor)
    wanted = DeliveryFilter(query.workflow_id, query.outcome)
    found = await call.services.webhook_deliveries.list(call.actor, wanted, page)
    headers = list_headers(call.path, call.request.query_params, found)
    return Answer([DeliveryBody.of(view) for view in found.items], headers=headers)


async def replay(call: Call) -> Answer:
    """Start a new execution from a delivery."""
    replayed = await call.services.webhook_deliveries.replay(call.actor, call.id(Noun.WEBHOOK_DELIVERY))
    return Answer(ReplayBody.of(replayed), 201, {"location": f"/api/executions/{replayed.execution_id}"})


def _identifier(text: str) -> UUID | None:
    """An identifier in the path; what is none is answered like an unknown one, after the same work."""
    try:
        return UUID(text)
    except ValueError:
        return None


_STANDARD = "Standard Webhooks: "
_SHOWN = Reply("The secret, shown this once.", ShownSecretBody)

ROUTES = (
    Route(
        Method.POST,
        "/api/webhooks/workflow/{workflowId}/{triggerPath:remainder}",
        "receiveWebhook",
        "Start an execution by a signed delivery; the same message starts one, however often it comes.",
        receive,
        {200: Reply("The execution is accepted, or was before.", RECEIPT_SCHEMA)},
        "webhooks",
        body=Document(
            {},
            "JSON; an object's members stand over those of the trigger's `payload`. The signature is over these bytes.",
            {"parcel": 7},
        ),
        refusals=(Unauthenticated, Denied, Conflict, ValidationFailed, RateLimited, PayloadTooLarge, UnsupportedMedia),
        headers={
            "webhook-id": _STANDARD + "id of the message.",
            "webhook-timestamp": _STANDARD + "seconds since 1970, at most 300 s off.",
            "webhook-signature": _STANDARD + "`v1,` and base64, several parted by spaces.",
            "X-Hub-Signature-256": "GitHub: `sha256=` and hex.",
            "X-GitHub-Delivery": "GitHub: id of the message.",
        },
        public=True,
        admit=admit,
    ),
    Route(
        Method.GET,
        "/api/workflows/{id}/webhook-secrets",
        "listWebhookSecrets",
        "Secrets of a workflow's webhooks, newest first, without the secrets themselves.",
        find_secrets,
        {200: Reply("One page.", tuple[SecretBody, ...], LIST_HEADERS)},
        "webhooks",
        query=PageQuery,
        refusals=(NotFound,),
        action="webhook_secret.read",
    ),
    Route(
        Method.POST,
        "/api/workflows/{id}/webhook-secrets",
        "createWebhookSecret",
        "A further secret, beside those that there are.",
        create_secret,
        {201: _SHOWN},
        "webhooks",
        body=CreateSecretBody,
        body_required=False,
        refusals=(NotFound, ValidationFailed, Conflict, Unavailable),
        action="webhook_secret.create",
    ),
    Route(
        Method.POST,
        "/api/workflows/{id}/webhook-secrets/rotate",
        "rotateWebhookSecret",
        "A new secret; the active ones verify for the overlap (24 hours by default, 7 days at most) and no longer.",
        rotate_secret,
        {201: _SHOWN},
        "webhooks",
        body=RotateSecretBody,
        body_required=False,
        refusals=(NotFound, ValidationFailed, Conflict, Unavailable),
        action="webhook_secret.rotate",
    ),
    Route(
        Method.DELETE,
        "/api/workflows/{id}/webhook-secrets/{secretId}",
        "revokeWebhookSecret",
        "End a secret at once; repeating changes nothing.",
        revoke_secret,
        {200: Reply("The secret, revoked.", SecretBody)},
        "webhooks",
        refusals=(NotFound,),
        action="webhook_secret.revoke",
    ),
    Route(
        Method.GET,
        "/api/webhook-deliveries",
        "listWebhookDeliveries",
        "Deliveries whose signature held, newest first, kept for 30 days.",
        find_deliveries,
        {200: Reply("One page.", tuple[DeliveryBody, ...], LIST_HEADERS)},
        "webhooks",
        query=DeliveryQuery,
        action="webhook_delivery.read",
    ),
    Route(
        Method.POST,
        "/api/webhook-deliveries/{id}/replay",
        "replayWebhookDelivery",
        "Start a new execution of the latest version with the data of a delivery.",
        replay,
        {201: Reply("The new execution.", ReplayBody, {"Location": "Of the execution."})},
        "webhooks",
        refusals=(NotFound, Conflict, ValidationFailed),
        action="webhook_delivery.replay",
    ),
)
