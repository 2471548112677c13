"""Webhook secrets, deliveries, callbacks and connections as types of the graph."""

import strawberry

from engine.services.callbacks import CallbackView
from engine.services.connections import ConnectionView
from engine.services.webhook_values import DeliveryView, SecretView
from schema import webhooks
from schema.connections import ConnectionKind, OutboundConnection
from schema.scalars import JSON


def secret(view: SecretView) -> webhooks.WebhookSecret:
    """Secret of the graph."""
    return webhooks.WebhookSecret(
        id=strawberry.ID(str(view.id)),
        workflow_id=strawberry.ID(str(view.workflow_id)),
        status=webhooks.WebhookSecretStatus(view.status),
        created_by=view.created_by,
        created_at=view.created_at,
        expires_at=view.expires_at,
        revoked_at=view.revoked_at,
    )


def delivery(view: DeliveryView) -> webhooks.WebhookDelivery:
    """Delivery of the graph."""
    return webhooks.WebhookDelivery(
        id=strawberry.ID(str(view.id)),
        workflow_id=strawberry.ID(str(view.workflow_id)),
        webhook_id=_optional(view.webhook_id),
        message_id=view.message_id,
        source=view.source,
        headers=JSON(view.headers),
        body=view.body,
        body_sha256=view.body_sha256,
        outcome=webhooks.WebhookDeliveryOutcome(view.outcome),
        detail=view.detail,
        execution_id=_optional(view.execution_id),
        replay_of=_optional(view.replay_of),
        received_at=view.received_at,
    )


def callback(view: CallbackView) -> webhooks.Callback:
    """Callback of the graph."""
    return webhooks.Callback(
        id=strawberry.ID(str(view.id)),
        url=view.url,
        events=list(view.events),
        workflow_id=_optional(view.workflow_id),
        is_active=view.is_active,
        disabled_reason=view.disabled_reason,
        created_by=view.created_by,
        created_at=view.created_at,
    )


def outbound(view: ConnectionView) -> OutboundConnection:
    """Connection of the graph."""
    return OutboundConnection(
        name=view.name,
        kind=ConnectionKind(view.kind.value),
        settings=JSON(view.settings),
        secret_names=list(view.secret_names),
        revision=view.revision,
        created_by=view.created_by,
        created_at=view.created_at,
        updated_at=view.updated_at,
    )


def _optional(identifier: object | None) -> strawberry.ID | None:
    return None if identifier is None else strawberry.ID(str(identifier))
