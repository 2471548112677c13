"""Bodies of callbacks."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.services.callbacks import CallbackView, CreateCallbackRequest, RotateCallbackRequest, ShownCallback
from engine.services.webhook_values import DEFAULT_OVERLAP_S, LONGEST_OVERLAP_S
from engine.triggers.callbacks import EVENTS
from rest_shim.shapes import Rule, wire

_OWN_SECRET = Rule("A secret of your own, `whsec_` and base64; left out, one is made.", max_length=256)


@dataclass(frozen=True, slots=True)
class CallbackBody:
    """Where events are sent."""

    id: UUID = wire("Of the callback.")
    url: str = wire("Where events are sent.")
    events: tuple[str, ...] = wire("Which ones.")
    workflow_id: UUID | None = wire("Only those of this workflow.")
    is_active: bool = wire("False once the receiver has answered 410.")
    disabled_reason: str = wire("Why nothing is sent any more.")
    created_by: str = wire("Who made it.")
    created_at: datetime = wire("When it was made.")

    @classmethod
    def of(cls, view: CallbackView) -> "CallbackBody":
        """Body of a callback."""
        return cls(
            id=view.id,
            url=view.url,
            events=view.events,
            workflow_id=view.workflow_id,
            is_active=view.is_active,
            disabled_reason=view.disabled_reason,
            created_by=view.created_by,
            created_at=view.created_at,
        )


@dataclass(frozen=True, slots=True)
class ShownCallbackBody:
    """A callback with its new secret: keep it, it is shown this once."""

    id: UUID = wire("Of the callback.")
    url: str = wire("Where events are sent.")
    events: tuple[str, ...] = wire("Which ones.")
    workflow_id: UUID | None = wire("Only those of this workflow.")
    secret: str = wire("By which the receiver verifies what is sent.")
    created_at: datetime = wire("When the callback was made.")

    @classmethod
    def of(cls, shown: ShownCallback) -> "ShownCallbackBody":
        """Body of a callback with its secret."""
        view = shown.view
        return cls(view.id, view.url, view.events, view.workflow_id, shown.secret, view.created_at)


@dataclass(frozen=True, slots=True)
class CreateCallbackBody:
    """Where to send which events."""

    url: str = wire(Rule("An http or https address that is public, or that the operator allows.", max_length=8_192))
    events: tuple[str, ...] = wire(Rule(f"Some of {', '.join(EVENTS)}; `execution.*`, `human_task.*` or `*` for all."))
    workflow_id: UUID | None = wire("Only events of this workflow.", default=None)
    secret: str | None = wire(_OWN_SECRET, default=None)

    def request(self) -> CreateCallbackRequest:
        """Request of the body."""
        return CreateCallbackRequest(url=self.url, events=self.events, workflow_id=self.workflow_id, secret=self.secret)


@dataclass(frozen=True, slots=True)
class RotateCallbackBody:
    """A new secret beside those that sign now."""

    secret: str | None = wire(_OWN_SECRET, default=None)
    overlap_seconds: int = wire(
        Rule("How long the old ones still sign.", minimum=0, maximum=LONGEST_OVERLAP_S), default=DEFAULT_OVERLAP_S
    )

    def request(self) -> RotateCallbackRequest:
        """Request of the body."""
        return RotateCallbackRequest(secret=self.secret, overlap_s=self.overlap_seconds)
