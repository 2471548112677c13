"""Mutations of webhook secrets, deliveries, callbacks and connections."""

from typing import cast

import strawberry

from engine.jsonvalue import Json, JsonObject
from engine.services.callbacks import CreateCallbackRequest, RotateCallbackRequest
from engine.services.webhook_values import CreateSecretRequest, RotateSecretRequest
from resolvers import webhook_shapes
from resolvers.info import Info, identifier, identifier_or_none
from schema.fields import mutation
from schema.mutations import webhooks as graph


@strawberry.type
class WebhookMutations:
    """Mutations of what comes in signed and goes out signed."""

    @mutation("A further secret of a workflow's webhooks, shown this once.")
    async def create_webhook_secret(
        self, info: Info, input: graph.CreateWebhookSecretInput
    ) -> graph.CreateWebhookSecretResult:
        key = identifier("workflow", input.workflow_id)
        request = CreateSecretRequest(secret=input.secret)
        shown = await info.context.services.webhook_secrets.create(info.context.actor, key, request)
        return graph.CreateWebhookSecretSuccess(webhook_secret=webhook_shapes.secret(shown.view), secret=shown.secret)

    @mutation("A new secret; those that are active verify for the overlap and no longer.")
    async def rotate_webhook_secret(
        self, info: Info, input: graph.RotateWebhookSecretInput
    ) -> graph.RotateWebhookSecretResult:
        key = identifier("workflow", input.workflow_id)
        request = RotateSecretRequest(secret=input.secret, overlap_s=input.overlap_seconds)
        shown = await info.context.services.webhook_secrets.rotate(info.context.actor, key, request)
        return graph.RotateWebhookSecretSuccess(webhook_secret=webhook_shapes.secret(shown.view), secret=shown.secret)

    @mutation("End a secret at once.")
    async def revoke_webhook_secret(
        self, info: Info, input: graph.RevokeWebhookSecretInput
    ) -> graph.RevokeWebhookSecretResult:
        key, secret_id = identifier("workflow", input.workflow_id), identifier("webhook secret", input.secret_id)
        view = await info.context.services.webhook_secrets.revoke(info.context.actor, key, secret_id)
        return graph.RevokeWebhookSecretSuccess(webhook_secret=webhook_shapes.secret(view))

    @mutation("Start a new execution of the latest version with the data of a delivery.")
    async def replay_webhook_delivery(
        self, info: Info, input: graph.ReplayWebhookDeliveryInput
    ) -> graph.ReplayWebhookDeliveryResult:
        key = identifier("webhook delivery", input.delivery_id)
        replay = await info.context.services.webhook_deliveries.replay(info.context.actor, key)
        return graph.ReplayWebhookDeliverySuccess(
            execution_id=strawberry.ID(str(replay.execution_id)),
            replay_of=strawberry.ID(str(replay.replay_of)),
            message=replay.message,
        )

    @mutation("Send events to an address, signed, at least once each.")
    async def create_callback(self, info: Info, input: graph.CreateCallbackInput) -> graph.CreateCallbackResult:
        workflow = identifier_or_none("workflow", input.workflow_id)
        request = CreateCallbackRequest(
            url=input.url, events=tuple(input.events), workflow_id=workflow, secret=input.secret
        )
        shown = await info.context.services.callbacks.create(info.context.actor, request)
        return graph.CreateCallbackSuccess(callback=webhook_shapes.callback(shown.view), secret=shown.secret)

    @mutation("A new secret of a callback; for the overlap events are signed with the old ones too.")
    async def rotate_callback_secret(
        self, info: Info, input: graph.RotateCallbackSecretInput
    ) -> graph.RotateCallbackSecretResult:
        key = identifier("callback", input.callback_id)
        request = RotateCallbackRequest(secret=input.secret, overlap_s=input.overlap_seconds)
        shown = await info.context.services.callbacks.rotate(info.context.actor, key, request)
        return graph.RotateCallbackSecretSuccess(callback=webhook_shapes.callback(shown.view), secret=shown.secret)

    @mutation("Send nothing more there, what waits included.")
    async def delete_callback(self, info: Info, input: graph.DeleteCallbackInput) -> graph.DeleteCallbackResult:
        await info.context.services.callbacks.delete(info.context.actor, identifier("callback", input.callback_id))
        return graph.DeleteCallbackSuccess(callback_id=input.callback_id)

    @mutation("Store a connection: a new one, or another state of the one that has this name.")
    async def upsert_connection(self, info: Info, input: graph.UpsertConnectionInput) -> graph.UpsertConnectionResult:
        body: JsonObject = {"name": input.name, "kind": input.kind.value}
        for name, value in (("settings", input.settings), ("secrets", input.secrets)):
            if value is not None:
                body[name] = cast("Json", value)
        view = await info.context.services.connections.upsert(info.context.actor, body)
        return graph.UpsertConnectionSuccess(connection=webhook_shapes.outbound(view))

    @mutation("Delete a connection; steps that name it fail from now on.")
    async def delete_connection(self, info: Info, input: graph.DeleteConnectionInput) -> graph.DeleteConnectionResult:
        await info.context.services.connections.delete(info.context.actor, input.name)
        return graph.DeleteConnectionSuccess(name=input.name)
