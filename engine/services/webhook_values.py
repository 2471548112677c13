"""What the use cases of webhooks take and give."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from engine.jsonvalue import JsonObject
from engine.services.requests import Request
from engine.triggers.outcomes import Outcome

DEFAULT_OVERLAP_S = 86_400
LONGEST_OVERLAP_S = 7 * 86_400


class SecretStatus(StrEnum):
    """active: signs and verifies. retiring: verifies until its end. expired: its end has come. revoked: taken out."""

    ACTIVE = "active"
    RETIRING = "retiring"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class SecretView:
    """A secret without the secret."""

    id: UUID
    workflow_id: UUID
    status: SecretStatus
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ShownSecret:
    """A new secret, in clear: shown this once."""

    view: SecretView
    secret: str


@dataclass(frozen=True, slots=True)
class CreateSecretRequest(Request):
    """A new secret; `secret` None: a random one is made."""

    secret: str | None = None


@dataclass(frozen=True, slots=True)
class RotateSecretRequest(Request):
    """A new secret; those that are active count for `overlap_s` more."""

    secret: str | None = None
    overlap_s: int = DEFAULT_OVERLAP_S


@dataclass(frozen=True, slots=True)
class Arrived:
    """A delivery as it came in.

    Attributes:
        workflow_id: None: what stood in the path is no identifier.
        headers: names in lower case; values of repeated ones joined by a comma.
        source: the sender's address.
    """

    workflow_id: UUID | None
    path: str
    headers: Mapping[str, str]
    body: bytes
    source: str
    request_id: str = ""
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a sender is told.

    Attributes:
        execution_id: None: the trigger's condition does not hold, nothing was started.
        duplicate: an earlier delivery of the same message has started it.
    """

    execution_id: UUID | None
    message: str
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery whose signature held, masked.

    Attributes:
        replay_of: the delivery that an operator has replayed with this one.
    """

    id: UUID
    workflow_id: UUID
    webhook_id: UUID | None
    message_id: str | None
    source: str
    headers: JsonObject
    body: str
    body_sha256: str
    outcome: Outcome
    detail: str
    execution_id: UUID | None
    replay_of: UUID | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; members that are None do not filter."""

    workflow_id: UUID | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """A new execution from an earlier delivery."""

    execution_id: UUID
    replay_of: UUID
    message: str
