"""What each role may do, written once more by hand."""

from uuid import UUID, uuid4

import pytest

from engine.errors import Denied
from engine.identity.actor import Actor
from engine.policy.gate import ALL_ACTIONS, READ_ACTIONS, Resource
from tests.policy.role_table import ROLE_ACTIONS, ROLE_TABLE_REVISION, RoleTableGate

WORKFLOW = Resource("workflow", "w")


async def allowed(action: str, *roles: str) -> bool:
    try:
        decision = await RoleTableGate(uuid4).authorise(Actor("t", "ann", frozenset(roles)), action, WORKFLOW)
    except Denied:
        return False
    assert (UUID(decision.id).version, decision.policy_revision) == (4, ROLE_TABLE_REVISION)
    return True


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("viewer", {"workflow.read"}, {"workflow.create", "execution.cancel", "audit.read"}),
        (
            "editor",
            {"workflow.create", "workflow.publish", "workflow.execute", "execution.retry", "event.emit"},
            {"workflow.publish.allow_smaller_bump", "dead_letter.redrive", "execution.bulk", "webhook_secret.create"},
        ),
        (
            "operator",
            {"execution.cancel", "execution.bulk", "schedule.backfill", "dead_letter.redrive"},
            {"workflow.create", "workflow.execute", "webhook_secret.rotate"},
        ),
        ("approver", {"human_task.claim", "human_task.complete"}, {"human_task.assign", "workflow.execute"}),
        ("service", {"workflow.execute", "event.emit"}, {"workflow.create", "execution.cancel"}),
        ("admin", ALL_ACTIONS, set()),
    ],
)
async def test_each_role_may_what_it_is_for(role: str, may: set[str], may_not: set[str]) -> None:
    assert [action for action in sorted(may) if not await allowed(action, role)] == []
    assert [action for action in sorted(may_not) if await allowed(action, role)] == []


async def test_without_a_known_role_every_write_is_refused() -> None:
    assert [action for action in sorted(ALL_ACTIONS - READ_ACTIONS) if await allowed(action, "stranger")] == []


async def test_roles_add_up() -> None:
    assert await allowed("workflow.create", "viewer", "editor")


async def test_an_action_that_nobody_has_registered_is_refused_to_all() -> None:
    assert not await allowed("workflow.explode", *ROLE_ACTIONS)


async def test_a_refusal_says_what_would_help() -> None:
    with pytest.raises(Denied) as raised:
        await RoleTableGate(uuid4).authorise(Actor("t", "ann"), "workflow.execute", WORKFLOW)

    (denial,) = raised.value.denials
    assert (denial.code, denial.path, denial.policy) == ("role.missing", "/action/name", "role_table")
    assert denial.remedy == "Ask for one of the roles: admin, editor, service."
    assert (UUID(raised.value.decision_id).version, raised.value.policy_revision) == (4, ROLE_TABLE_REVISION)
