"""Roles alone, as a table: what the rules of the bundle are held to, and a gate for tests that are not about policy."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from uuid import UUID

from engine.errors import Denial, Denied
from engine.identity.actor import Actor
from engine.jsonvalue import Json
from engine.policy.gate import (
    ALL_ACTIONS,
    CONTROL_ACTIONS,
    EDIT_ACTIONS,
    OPERATE_ACTIONS,
    READ_ACTIONS,
    SERVICE_ACTIONS,
    TASK_ACTIONS,
    Decision,
    Resource,
)

POLICY_NAME = "role_table"
ROLE_TABLE_REVISION = "role-table-1"

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
