"""Bodies of webhooks, their secrets and their deliveries."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.jsonvalue import JsonObject
from engine.services.webhook_values import (
    DEFAULT_OVERLAP_S,
    LONGEST_OVERLAP_S,
    CreateSecretRequest,
    DeliveryView,
    Receipt,
    Replay,
    RotateSecretRequest,
    SecretStatus,
    SecretView,
    ShownSecret,
)
from engine.triggers.outcomes import Outcome
from rest_shim.models.paging import CURSOR, DEFAULT_LIMIT, LIMIT, PAGE
from rest_shim.shapes import Rule, wire

_OWN_SECRET = Rule("A secret of your own, 16 to 256 visible characters; left out, one is made.", max_length=256)


@dataclass(frozen=True, slots=True)
class ReceiptBody:
    """What a sender is told."""

    success: bool = wire("Always true here.")
    execution_id: UUID | None = wire("Of the execution; null where the trigger's condition does not hold.")
    message: str = wire("What became of the delivery.")

    @classmethod
    def of(cls, receipt: Receipt) -> "ReceiptBody | DuplicateBody":
        """Body of a receipt."""
        if receipt.duplicate:
            return DuplicateBody(True, receipt.execution_id, receipt.message, True)
        return cls(True, receipt.execution_id, receipt.message)


@dataclass(frozen=True, slots=True)
class DuplicateBody:
    """The same, for a message that came before."""

    success: bool = wire("Always true here.")
    execution_id: UUID | None = wire("Of the execution that the first delivery started.")
    message: str = wire("What became of the delivery.")
    duplicate: bool = wire("True: nothing new was started.")


RECEIPT_SCHEMA: JsonObject = {
    "type": "object",
    "required": ["success", "executionId", "message"],
    "properties": {
        "success": {"type": "boolean", "const": True},
        "executionId": {"type": ["string", "null"], "format": "uuid"},
        "message": {"type": "string"},
        "duplicate": {"type": "boolean", "description": "True where the message came before: nothing new was started."},
    },
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class SecretBody:
    """A secret of a workflow's webhooks, without the secret."""

    id: UUID = wire("Of the secret.")
    workflow_id: UUID = wire("Whose webhooks it is for: all paths of the workflow.")
    status: SecretStatus = wire("`retiring` ones verify until `expiresAt`.")
    created_by: str = wire("Who made it.")
    created_at: datetime = wire("When it was made.")
    expires_at: datetime | None = wire("Until when a retiring one verifies.")
    revoked_at: datetime | None = wire("When it was revoked.")

    @classmethod
    def of(cls, view: SecretView) -> "SecretBody":
        """Body of a secret."""
        return cls(
            view.id,
            view.workflow_id,
            view.status,
            view.created_by,
            view.created_at,
            view.expires_at,
            view.revoked_at,
        )


@dataclass(frozen=True, slots=True)
class ShownSecretBody:
    """A new secret: keep it, it is shown this once."""

    id: UUID = wire("Of the secret.")
    secret: str = wire("The secret itself. The key of GitHub's signature is this text, byte for byte.")
    created_at: datetime = wire("When it was made.")

    @classmethod
    def of(cls, shown: ShownSecret) -> "ShownSecretBody":
        """Body of a new secret."""
        return cls(shown.view.id, shown.secret, shown.view.created_at)


@dataclass(frozen=True, slots=True)
class CreateSecretBody:
    """A further secret."""

    secret: str | None = wire(_OWN_SECRET, default=None)

    def request(self) -> CreateSecretRequest:
        """Request of the body."""
        return CreateSecretRequest(secret=self.secret)


@dataclass(frozen=True, slots=True)
class RotateSecretBody:
    """A new secret in place of those that are active."""

    secret: str | None = wire(_OWN_SECRET, default=None)
    overlap_seconds: int = wire(
        Rule("How long the old ones still verify.", minimum=0, maximum=LONGEST_OVERLAP_S), default=DEFAULT_OVERLAP_S
    )

    def request(self) -> RotateSecretRequest:
        """Request of the body."""
        return RotateSecretRequest(secret=self.secret, overlap_s=self.overlap_seconds)


@dataclass(frozen=True, slots=True)
class DeliveryBody:
    """A delivery whose signature held; signatures and what looks like a secret are masked."""

    id: UUID = wire("Of the delivery.")
    workflow_id: UUID = wire("Whose webhook it came to.")
    webhook_id: UUID | None = wire("The webhook: one path of the workflow.")
    message_id: str | None = wire("The sender's id of the message; null for a replay.")
    source: str = wire("Address that it came from.")
    headers: JsonObject = wire("Its headers, masked.")
    body: str = wire("Its body, masked; cut where it was long, empty for a duplicate.")
    body_sha256: str = wire(Rule("SHA-256 of the raw body, in hex.", name="bodySha256"))
    outcome: Outcome = wire("What became of it.")
    detail: str = wire("Why it started nothing.")
    execution_id: UUID | None = wire("What it has started; for a duplicate, what the first one started.")
    replay_of: UUID | None = wire("The delivery that an operator has replayed with this one.")
    received_at: datetime = wire("When it came.")

    @classmethod
    def of(cls, view: DeliveryView) -> "DeliveryBody":
        """Body of a delivery."""
        return cls(
            id=view.id,
            workflow_id=view.workflow_id,
            webhook_id=view.webhook_id,
            message_id=view.message_id,
            source=view.source,
            headers=view.headers,
            body=view.body,
            body_sha256=view.body_sha256,
            outcome=view.outcome,
            detail=view.detail,
            execution_id=view.execution_id,
            replay_of=view.replay_of,
            received_at=view.received_at,
        )


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """Which deliveries."""

    workflow_id: UUID | None = wire("Only those of this workflow.", default=None)
    outcome: Outcome | None = wire("Only those that ended so.", default=None)
    page: int | None = wire(PAGE, default=None)
    limit: int = wire(LIMIT, default=DEFAULT_LIMIT)
    cursor: str | None = wire(CURSOR, default=None)


@dataclass(frozen=True, slots=True)
class ReplayBody:
    """A new execution from an earlier delivery."""

    success: bool = wire("Always true here.")
    execution_id: UUID = wire("Of the new execution.")
    message: str = wire("Says that it is a replay.")
    replay_of: UUID = wire("The delivery that was replayed.")

    @classmethod
    def of(cls, replay: Replay) -> "ReplayBody":
        """Body of a replay."""
        return cls(True, replay.execution_id, replay.message, replay.replay_of)
