"""Inputs and results of what changes webhook secrets, callbacks and connections."""

from typing import Annotated

import strawberry

from schema.connections import ConnectionKind, OutboundConnection
from schema.mutations.workflows import Failure
from schema.scalars import JSON
from schema.webhooks import Callback, WebhookSecret

DAY_S = 86_400
_OWN = "A secret of your own; left out, one is made."


@strawberry.input(description="A further secret of a workflow's webhooks.")
class CreateWebhookSecretInput:
    workflow_id: strawberry.ID = strawberry.field(description="Of the workflow.")
    secret: str | None = strawberry.field(default=None, description=_OWN)


@strawberry.input(description="A new secret in place of those that are active.")
class RotateWebhookSecretInput:
    workflow_id: strawberry.ID = strawberry.field(description="Of the workflow.")
    secret: str | None = strawberry.field(default=None, description=_OWN)
    overlap_seconds: int = strawberry.field(default=DAY_S, description="How long the old ones verify; 7 days at most.")


@strawberry.input(description="A secret to end at once.")
class RevokeWebhookSecretInput:
    workflow_id: strawberry.ID = strawberry.field(description="Of the workflow.")
    secret_id: strawberry.ID = strawberry.field(description="Of the secret.")


@strawberry.input(description="A delivery to start a new execution from.")
class ReplayWebhookDeliveryInput:
    delivery_id: strawberry.ID = strawberry.field(description="Of the delivery.")


@strawberry.input(description="Where to send which events.")
class CreateCallbackInput:
    url: str = strawberry.field(description="An http or https address that is public, or allowed by the operator.")
    events: list[str] = strawberry.field(description="Such as `execution.completed`, `human_task.*`, or `*`.")
    workflow_id: strawberry.ID | None = strawberry.field(default=None, description="Only events of this workflow.")
    secret: str | None = strawberry.field(default=None, description=_OWN)


@strawberry.input(description="A callback that gets a new secret.")
class RotateCallbackSecretInput:
    callback_id: strawberry.ID = strawberry.field(description="Of the callback.")
    secret: str | None = strawberry.field(default=None, description=_OWN)
    overlap_seconds: int = strawberry.field(default=DAY_S, description="How long the old ones sign; 7 days at most.")


@strawberry.input(description="A callback to delete.")
class DeleteCallbackInput:
    callback_id: strawberry.ID = strawberry.field(description="Of the callback.")


@strawberry.input(description="A connection as it shall be: created, or changed when it is there.")
class UpsertConnectionInput:
    name: str = strawberry.field(description="By which steps refer to it.")
    kind: ConnectionKind = strawberry.field(description="What is at the other end; a connection keeps its kind.")
    settings: JSON | None = strawberry.field(default=None, description="What is no secret, as a whole.")
    secrets: JSON | None = strawberry.field(
        default=None, description="Never answered; null removes one, one that is not named stays."
    )


@strawberry.input(description="A connection to delete.")
class DeleteConnectionInput:
    name: str = strawberry.field(description="Of the connection.")


@strawberry.type(description="The secret is there.")
class CreateWebhookSecretSuccess:
    webhook_secret: WebhookSecret = strawberry.field(description="The secret, without itself.")
    secret: str = strawberry.field(description="The secret itself, shown this once.")


@strawberry.type(description="The new secret is there; the old ones go on for the overlap.")
class RotateWebhookSecretSuccess:
    webhook_secret: WebhookSecret = strawberry.field(description="The new secret, without itself.")
    secret: str = strawberry.field(description="The new secret itself, shown this once.")


@strawberry.type(description="The secret counts no more.")
class RevokeWebhookSecretSuccess:
    webhook_secret: WebhookSecret = strawberry.field(description="The secret, revoked.")


@strawberry.type(description="A new execution was started from the delivery.")
class ReplayWebhookDeliverySuccess:
    execution_id: strawberry.ID = strawberry.field(description="Of the new execution.")
    replay_of: strawberry.ID = strawberry.field(description="The delivery that was replayed.")
    message: str = strawberry.field(description="Says that it is a replay.")


@strawberry.type(description="Events are sent there from now on.")
class CreateCallbackSuccess:
    callback: Callback = strawberry.field(description="The callback.")
    secret: str = strawberry.field(description="By which the receiver verifies what is sent; shown this once.")


@strawberry.type(description="Events are signed with the new secret, and with the old ones for the overlap.")
class RotateCallbackSecretSuccess:
    """Events are signed with the new secret too."""

    callback: Callback = strawberry.field(description="The callback.")
    secret: str = strawberry.field(description="The new secret, shown this once.")


@strawberry.type(description="Nothing more is sent there.")
class DeleteCallbackSuccess:
    callback_id: strawberry.ID = strawberry.field(description="Of the callback that is gone.")


@strawberry.type(description="The connection is stored.")
class UpsertConnectionSuccess:
    connection: OutboundConnection = strawberry.field(description="The connection, without its secrets.")


@strawberry.type(description="The connection is gone.")
class DeleteConnectionSuccess:
    name: str = strawberry.field(description="Of the connection that is gone.")


CreateWebhookSecretResult = Annotated[
    CreateWebhookSecretSuccess | Failure,
    strawberry.union("CreateWebhookSecretResult", description="Outcome of createWebhookSecret."),
]
RotateWebhookSecretResult = Annotated[
    RotateWebhookSecretSuccess | Failure,
    strawberry.union("RotateWebhookSecretResult", description="Outcome of rotateWebhookSecret."),
]
RevokeWebhookSecretResult = Annotated[
    RevokeWebhookSecretSuccess | Failure,
    strawberry.union("RevokeWebhookSecretResult", description="Outcome of revokeWebhookSecret."),
]
ReplayWebhookDeliveryResult = Annotated[
    ReplayWebhookDeliverySuccess | Failure,
    strawberry.union("ReplayWebhookDeliveryResult", description="Outcome of replayWebhookDelivery."),
]
CreateCallbackResult = Annotated[
    CreateCallbackSuccess | Failure,
    strawberry.union("CreateCallbackResult", description="Outcome of createCallback."),
]
RotateCallbackSecretResult = Annotated[
    RotateCallbackSecretSuccess | Failure,
    strawberry.union("RotateCallbackSecretResult", description="Outcome of rotateCallbackSecret."),
]
DeleteCallbackResult = Annotated[
    DeleteCallbackSuccess | Failure,
    strawberry.union("DeleteCallbackResult", description="Outcome of deleteCallback."),
]
UpsertConnectionResult = Annotated[
    UpsertConnectionSuccess | Failure,
    strawberry.union("UpsertConnectionResult", description="Outcome of upsertConnection."),
]
DeleteConnectionResult = Annotated[
    DeleteConnectionSuccess | Failure,
    strawberry.union("DeleteConnectionResult", description="Outcome of deleteConnection."),
]
