"""The one gate in front of every use case: what is asked, what is answered, and every action there is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from engine.errors import Denial
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject


class PolicyMode(StrEnum):
    """What a denial does: `enforce` refuses the call, `report` records what it would have refused and lets pass."""

    ENFORCE = "enforce"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Resource:
    """What an action is about: stored facts only, never what the caller says about it.

    Attributes:
        id: None where nothing exists yet, or where it is about all of a type.
    """

    type: str
    id: str | None
    properties: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Decision:
    """Permission, with what the decision log knows it by.

    Attributes:
        obligations: what the caller must see to although it is allowed (`{type: exclude, attribute, values}`: leave
            such rows out of what is listed).
        denials: why policy would have refused; only report mode lets such a call pass.
        is_enforced: False in report mode: neither denials nor obligations bind, they are written down.
    """

    id: str
    policy_revision: str
    obligations: tuple[JsonObject, ...] = ()
    denials: tuple[Denial, ...] = ()
    is_enforced: bool = True


class Gate(Protocol):
    """Whoever decides."""

    async def authorise(
        self,
        actor: Actor,
        action: str,
        resource: Resource,
        context: Mapping[str, Json] = MappingProxyType({}),
    ) -> Decision:
        """Permission for one action. `context` are facts of this one call that policy may look at (trigger data).

        Raises:
            Denied: policy refuses; all reasons are listed.
            Unavailable: no decision could be had (`policy.unavailable`); the caller must not go on.
        """
        ...


READ_ACTIONS = frozenset(
    {
        "workflow.read",
        "workflow.validate",
        "execution.read",
        "template.read",
        "human_task.read",
        "schedule.read",
        "dead_letter.read",
        "connection.read",
        "webhook_secret.read",
        "webhook_delivery.read",
        "callback.read",
        "action.read",
        "analytics.read",
        "policy.preview",
    }
)
CONTROL_ACTIONS = frozenset(
    {
        "execution.cancel",
        "execution.pause",
        "execution.resume",
        "execution.retry",
        "execution.signal",
        "execution.resolve",
    }
)
TASK_ACTIONS = frozenset(
    {
        "human_task.claim",
        "human_task.release",
        "human_task.delegate",
        "human_task.forward",
        "human_task.start",
        "human_task.suspend",
        "human_task.resume",
        "human_task.complete",
        "human_task.fail",
        "human_task.escalate",
        "human_task.comment",
        "human_task.update",
    }
)
EDIT_ACTIONS = frozenset(
    {
        "workflow.create",
        "workflow.update",
        "workflow.archive",
        "workflow.publish",
        "workflow.execute",
        "event.emit",
        "human_task.create",
        "evidence.export",
    }
)
OPERATE_ACTIONS = frozenset(
    {
        "execution.bulk",
        "schedule.reconcile",
        "schedule.pause",
        "schedule.resume",
        "schedule.backfill",
        "dead_letter.redrive",
        "webhook_delivery.replay",
        "evidence.export",
    }
)
ADMIN_ACTIONS = frozenset(
    {
        "workflow.publish.allow_smaller_bump",
        "human_task.assign",
        "human_task.cancel",
        "human_task.skip",
        "webhook_secret.create",
        "webhook_secret.rotate",
        "webhook_secret.revoke",
        "connection.write",
        "connection.delete",
        "callback.create",
        "callback.rotate",
        "callback.delete",
        "audit.read",
    }
)
SERVICE_ACTIONS = frozenset({"workflow.execute", "event.emit"})

ALL_ACTIONS = (
    READ_ACTIONS | CONTROL_ACTIONS | TASK_ACTIONS | EDIT_ACTIONS | OPERATE_ACTIONS | ADMIN_ACTIONS | SERVICE_ACTIONS
)
"""Every action that a use case may ask for; the gate refuses others, so that none is forgotten here."""
