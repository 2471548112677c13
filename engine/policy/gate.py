"""The one gate in front of every use case: what is asked, what is answered, and the role table, which decides first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

from engine.errors import Denial, Denied
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject

POLICY_NAME = "role_table"
ROLE_TABLE_REVISION = "role-table-1"


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

ROLE_ACTIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "viewer": READ_ACTIONS,
        "editor": READ_ACTIONS | EDIT_ACTIONS | CONTROL_ACTIONS,
        "operator": READ_ACTIONS | CONTROL_ACTIONS | OPERATE_ACTIONS,
        "approver": READ_ACTIONS | TASK_ACTIONS,
        "admin": ALL_ACTIONS,
        "service": READ_ACTIONS | SERVICE_ACTIONS,
    }
)


class RoleTableGate:
    """Decides by the roles of the caller alone. Reading within one's tenant needs no role; every write does."""

    def __init__(self, new_id: Callable[[], UUID]) -> None:
        self._new_id = new_id

    async def authorise(
        self,
        actor: Actor,
        action: str,
        resource: Resource,
        context: Mapping[str, Json] = MappingProxyType({}),  # noqa: ARG002 - roles alone decide here
    ) -> Decision:
        """See `Gate`. A caller without a known role may write nothing."""
        decision_id = str(self._new_id())
        if action in READ_ACTIONS or any(action in ROLE_ACTIONS.get(role, ()) for role in actor.roles):
            return Decision(decision_id, ROLE_TABLE_REVISION)
        raise Denied(decision_id, ROLE_TABLE_REVISION, (_denial(action, resource),))


def _denial(action: str, resource: Resource) -> Denial:
    able = sorted(role for role, actions in ROLE_ACTIONS.items() if action in actions)
    return Denial(
        code="role.missing",
        message=f"None of your roles allows {action} on {resource.type.replace('_', ' ')}.",
        path="/action/name",
        policy=POLICY_NAME,
        remedy=f"Ask for one of the roles: {', '.join(able)}." if able else None,
    )
