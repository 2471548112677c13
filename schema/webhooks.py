"""Webhooks: secrets and deliveries; callbacks and connections, by which events and calls leave."""

from datetime import datetime

import strawberry

from schema.enums import ExplainedEnum, enum
from schema.scalars import JSON


@enum("Whether signatures made with a secret hold.")
class WebhookSecretStatus(ExplainedEnum):
    active = "active", "Signs and verifies."
    retiring = "retiring", "Verifies until `expiresAt`."
    expired = "expired", "Its end has come."
    revoked = "revoked", "Taken out by a person."


@strawberry.type(description="A secret of a workflow's webhooks, without the secret.")
class WebhookSecret:
    id: strawberry.ID = strawberry.field(description="Of the secret.")
    workflow_id: strawberry.ID = strawberry.field(description="Whose webhooks it is for: all paths of the workflow.")
    status: WebhookSecretStatus = strawberry.field(description="Retiring ones verify until `expiresAt`.")
    created_by: str = strawberry.field(description="Who made it.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(description="Until when a retiring one verifies.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked.")


@enum("What became of a delivery.")
class WebhookDeliveryOutcome(ExplainedEnum):
    accepted = "accepted", "It started an execution."
    duplicate = "duplicate", "Its message had started an execution already."
    conflict = "conflict", "Its id came before, with another body."
    malformed = "malformed", "Its body is no JSON document."
    invalid = "invalid", "Its body breaks the workflow's `inputSchema`."
    ignored = "ignored", "The trigger's condition does not hold."
    refused = "refused", "The workflow takes no starts."
    denied = "denied", "Policy said no."
    limited = "limited", "Too many came."


@strawberry.type(description="A delivery whose signature held, masked; kept for 30 days.")
class WebhookDelivery:
    id: strawberry.ID = strawberry.field(description="Of the delivery.")
    workflow_id: strawberry.ID = strawberry.field(description="Whose webhook it came to.")
    webhook_id: strawberry.ID | None = strawberry.field(description="The webhook: one path of the workflow.")
    message_id: str | None = strawberry.field(description="The sender's id of the message; null for a replay.")
    source: str = strawberry.field(description="Address that it came from.")
    headers: JSON = strawberry.field(description="Its headers, masked.")
    body: str = strawberry.field(description="Its body, masked; cut where it was long, empty for a duplicate.")
    body_sha256: str = strawberry.field(name="bodySha256", description="SHA-256 of the raw body, in hex.")
    outcome: WebhookDeliveryOutcome = strawberry.field(description="What became of it.")
    detail: str = strawberry.field(description="Why it started nothing.")
    execution_id: strawberry.ID | None = strawberry.field(description="What it, or the first of its kind, started.")
    replay_of: strawberry.ID | None = strawberry.field(description="The delivery that was replayed with this one.")
    received_at: datetime = strawberry.field(description="When it came.")


@strawberry.type(description="Where events are sent, signed.")
class Callback:
    id: strawberry.ID = strawberry.field(description="Of the callback.")
    url: str = strawberry.field(description="Where events are sent.")
    events: list[str] = strawberry.field(description="Which ones.")
    workflow_id: strawberry.ID | None = strawberry.field(description="Only those of this workflow.")
    is_active: bool = strawberry.field(description="False once the receiver has answered 410.")
    disabled_reason: str = strawberry.field(description="Why nothing is sent any more.")
    created_by: str = strawberry.field(description="Who made it.")
    created_at: datetime = strawberry.field(description="When it was made.")
