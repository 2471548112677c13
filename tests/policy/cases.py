"""The decisions that every evaluator must give: who may do what, and each rule at and beyond its edge."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.policy.gate import ALL_ACTIONS, READ_ACTIONS, Resource
from engine.policy.requests import authzen_request
from tests.policy.role_table import ROLE_ACTIONS

NOON = "2026-11-23T12:00:00Z"  # a Monday


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    request: JsonObject
    codes: tuple[str, ...]
    rules: JsonObject | None = None


def request(
    action: str,
    *roles: str,
    properties: JsonObject | None = None,
    attributes: JsonObject | None = None,
    context: JsonObject | None = None,
    subject: str = "ada",
    groups: tuple[str, ...] = (),
) -> JsonObject:
    actor = Actor("default", subject, frozenset(roles), frozenset(groups), attributes=attributes or {})
    resource = Resource(action.split(".", maxsplit=1)[0], "r1", properties or {})
    return authzen_request(actor, action, resource, {"time": NOON, **(context or {})})


def role_cases() -> Iterator[Case]:
    for action in sorted(ALL_ACTIONS):
        for role in (*sorted(ROLE_ACTIONS), "stranger", ""):
            roles = (role,) if role else ()
            allowed = action in READ_ACTIONS or action in ROLE_ACTIONS.get(role, ())
            yield Case(f"{role or 'nobody'} {action}", request(action, *roles), () if allowed else ("role.missing",))


def rule_cases() -> Iterator[Case]:
    yield from _tenancy()
    yield from _clearance()
    yield from _duties()
    yield from _places()
    yield from _windows()
    yield from _scope()
    yield from _budgets()


def malformed_cases() -> Iterator[Case]:
    whole = request("workflow.create", "admin")
    yield Case("empty request", {}, ("request.malformed",))
    for member in ("subject", "action", "resource", "context"):
        broken = {name: value for name, value in whole.items() if name != member}
        codes = ("request.malformed", "role.missing") if member == "subject" else ("request.malformed",)
        yield Case(f"without {member}", broken, codes)
    for subject in ("", None, 7):
        broken = request("workflow.create", "admin")
        broken["subject"] = {**_object(broken["subject"]), "id": subject}
        yield Case(f"subject id {subject!r}", broken, ("request.malformed",))


def _tenancy() -> Iterator[Case]:
    for role in ("admin", "viewer"):
        other = request("workflow.read", role, properties={"tenant": "other"})
        yield Case(f"{role} of another tenant", other, ("tenant.mismatch",))
    yield Case(
        "another tenant and no role",
        request("workflow.update", properties={"tenant": "other"}),
        ("role.missing", "tenant.mismatch"),
    )


def _clearance() -> Iterator[Case]:
    refused = ("classification.clearance_required",)
    for action in (
        "workflow.read",
        "workflow.update",
        "workflow.publish",
        "workflow.execute",
        "execution.read",
        "execution.cancel",
        "evidence.export",
    ):
        secret: JsonObject = {"classification": "restricted"}
        yield Case(f"{action} restricted", request(action, "editor", properties=secret), refused)
        cleared: JsonObject = {"clearance": "restricted"}
        yield Case(f"{action} cleared", request(action, "editor", properties=secret, attributes=cleared), ())
        low: JsonObject = {"clearance": "internal"}
        yield Case(f"{action} low", request(action, "editor", properties=secret, attributes=low), refused)
        yield Case(f"{action} own", request(action, "editor", properties={**secret, "createdBy": "ada"}), ())
        belongs: JsonObject = {**secret, "workflowCreatedBy": "ada"}
        yield Case(f"{action} of own workflow", request(action, "editor", properties=belongs), ())
        yield Case(f"{action} admin", request(action, "admin", properties=secret), ())
        yield Case(f"{action} internal", request(action, "editor", properties={"classification": "internal"}), ())
        yield Case(f"{action} unknown", request(action, "editor", properties={"classification": "unheard-of"}), ())
    yield from _belongings()
    restricted: JsonObject = {"classification": "restricted"}
    for trigger, codes in (("webhook", ()), ("schedule", ()), ("event", ()), ("manual", refused), (None, refused)):
        asked = request("workflow.execute", "service", properties=restricted, context={"triggerType": trigger})
        yield Case(f"restricted, started by {trigger}", asked, codes)
    strange: JsonObject = {"clearance": 3}
    yield Case(
        "clearance of the wrong type",
        request("workflow.read", "viewer", properties={"classification": "restricted"}, attributes=strange),
        refused,
    )


def _belongings() -> Iterator[Case]:
    """What belongs to a restricted workflow is as closed as the workflow; a task is open to its people."""
    refused = ("classification.clearance_required",)
    secret: JsonObject = {"classification": "restricted", "workflowCreatedBy": "eve"}
    for action in (
        "analytics.read",
        "schedule.read",
        "schedule.pause",
        "schedule.backfill",
        "dead_letter.read",
        "dead_letter.redrive",
        "webhook_delivery.read",
        "webhook_delivery.replay",
        "webhook_secret.read",
        "human_task.read",
    ):
        own: JsonObject = {**secret, "workflowCreatedBy": "ada"}
        yield Case(f"{action} restricted", request(action, "operator", properties=secret), refused)
        yield Case(f"{action} of own workflow", request(action, "operator", properties=own), ())
        cleared: JsonObject = {"clearance": "restricted"}
        yield Case(f"{action} cleared", request(action, "operator", properties=secret, attributes=cleared), ())
    create = request("human_task.create", "editor", properties=secret)
    yield Case("human_task.create restricted", create, refused)
    people: dict[str, JsonObject] = {
        "owner": {"owner": "ada"},
        "assignee": {"assignees": ["bob", "ada"]},
        "candidate": {"candidateGroups": ["support"]},
    }
    for name, facts in people.items():
        asked = request("human_task.claim", "approver", properties={**secret, **facts}, groups=("support",))
        yield Case(f"a restricted task for its {name}", asked, ())
    others: JsonObject = {**secret, "owner": "bob", "assignees": ["bob"], "candidateGroups": ["board"]}
    asked = request("human_task.complete", "approver", properties=others, groups=("support",))
    yield Case("a restricted task of others", asked, refused)
    nobodys: JsonObject = {**secret, "owner": None, "assignees": None, "candidateGroups": None}
    yield Case("a restricted task of nobody", request("human_task.read", "approver", properties=nobodys), refused)


def _duties() -> Iterator[Case]:
    refused = ("duties.separate_publisher",)
    asked: JsonObject = {"requireSeparatePublisher": True, "editors": ["ada", "bob"]}
    yield Case("editor publishes own edit", request("workflow.publish", "editor", properties=asked), refused)
    yield Case("admin publishes own edit", request("workflow.publish", "admin", properties=asked), refused)
    yield Case("another publishes", request("workflow.publish", "editor", properties=asked, subject="eve"), ())
    yield Case("not asked for", request("workflow.publish", "editor", properties={"editors": ["ada"]}), ())
    yield Case("only publish", request("workflow.update", "editor", properties=asked), ())
    dropped: JsonObject = {
        "requireSeparatePublisher": False,
        "publishedRequiresSeparatePublisher": True,
        "editors": ["ada"],
    }
    yield Case("rule dropped in own draft", request("workflow.publish", "editor", properties=dropped), refused)
    yield Case("rule dropped, other", request("workflow.publish", "editor", properties=dropped, subject="eve"), ())


def _places() -> Iterator[Case]:
    rules: JsonObject = {
        "environments": {"production": {"workflow.publish": ["releaser"], "workflow.execute": ["releaser", "service"]}},
        "labels": [{"label": "payments", "actions": ["workflow.execute"], "roles": ["treasurer"]}],
    }
    live: JsonObject = {"environment": "production"}
    publish = "workflow.publish"
    yield Case("production", request(publish, "editor", properties=live), ("environment.role_required",), rules)
    yield Case("releaser", request(publish, "editor", "releaser", properties=live), (), rules)
    yield Case("staging", request(publish, "editor", properties={"environment": "staging"}), (), rules)
    yield Case("update in production", request("workflow.update", "editor", properties=live), (), rules)
    yield Case("service runs production", request("workflow.execute", "service", properties=live), (), rules)
    paid: JsonObject = {"labels": ["payments", "x"]}
    execute = "workflow.execute"
    yield Case("label", request(execute, "editor", properties=paid), ("label.role_required",), rules)
    yield Case("label held", request(execute, "editor", "treasurer", properties=paid), (), rules)
    both = request(execute, "editor", properties={**paid, **live})
    yield Case("label and place", both, ("environment.role_required", "label.role_required"), rules)


def _windows() -> Iterator[Case]:
    window: JsonObject = {
        "name": "change freeze at noon",
        "actions": ["workflow.publish"],
        "days": ["Monday"],
        "fromMinute": 720,
        "untilMinute": 780,
        "timezone": "UTC",
    }
    rules: JsonObject = {"windows": [window]}
    moments = {
        "2026-11-23T11:59:59Z": (),
        "2026-11-23T12:00:00Z": ("window.closed",),
        "2026-11-23T12:59:59.999Z": ("window.closed",),
        "2026-11-23T13:00:00Z": (),
        "2026-11-24T12:30:00Z": (),
        "2026-11-23T14:30:00+02:00": ("window.closed",),
    }
    for moment, codes in moments.items():
        yield Case(moment, request("workflow.publish", "editor", context={"time": moment}), codes, rules)
    yield Case("other action", request("workflow.execute", "editor"), (), rules)
    blind = request("workflow.publish", "editor", context={"time": None})
    yield Case("no time", blind, ("window.time_missing",), rules)
    local: JsonObject = {"windows": [{**window, "timezone": "America/New_York", "environment": "production"}]}
    live: JsonObject = {"environment": "production"}
    for moment, closed in (("2026-11-23T17:30:00Z", True), ("2026-11-23T12:30:00Z", False)):
        asked = request("workflow.publish", "editor", properties=live, context={"time": moment})
        yield Case(f"New York {moment}", asked, ("window.closed",) if closed else (), local)
    elsewhere = request("workflow.publish", "editor", context={"time": "2026-11-23T17:30:00Z"})
    yield Case("window of another environment", elsewhere, (), local)


def _scope() -> Iterator[Case]:
    rules: JsonObject = {
        "tenants": {"default": {"actionTypes": ["noop", "api"], "stepTypes": ["action"], "connections": []}}
    }
    fine: JsonObject = {"actionTypes": ["noop"], "stepTypes": ["action"]}
    yield Case("within scope", request("workflow.create", "editor", properties=fine), (), rules)
    wide: JsonObject = {"actionTypes": ["noop", "database"], "stepTypes": ["action", "human"], "connections": ["crm"]}
    codes = ("action.not_allowed", "connection.not_allowed", "step_type.not_allowed")
    for action in ("workflow.create", "workflow.update", "workflow.publish", "workflow.execute"):
        yield Case(f"{action} beyond scope", request(action, "editor", properties=wide), codes, rules)
    yield Case("archive beyond scope", request("workflow.archive", "editor", properties=wide), (), rules)
    yield Case("unlimited tenant", request("workflow.create", "editor", properties=wide), (), {"tenants": {}})


def _budgets() -> Iterator[Case]:
    limits: JsonObject = {
        "stepsPerWorkflow": 10,
        "unfinishedExecutions": 5,
        "triggerData": [{"field": "amount", "atMost": 1000}],
    }
    rules: JsonObject = {"budgets": {"default": limits}}
    refused = ("budget.exceeded",)
    for steps, codes in ((10, ()), (11, refused)):
        asked = request("workflow.create", "editor", properties={"stepCount": steps})
        yield Case(f"{steps} steps", asked, codes, rules)
    for running, codes in ((4, ()), (5, refused)):
        asked = request("workflow.execute", "editor", properties={"unfinishedExecutions": running})
        yield Case(f"{running} running", asked, codes, rules)
    unknown = request("workflow.execute", "editor")
    yield Case("how many are running is unknown", unknown, ("budget.unknown",), rules)
    amounts: tuple[tuple[Json, tuple[str, ...]], ...] = ((1000, ()), (1001, refused), ("1001", ()), (None, ()))
    for amount, expected in amounts:
        asked = request(
            "workflow.execute",
            "editor",
            properties={"unfinishedExecutions": 0},
            context={"triggerData": {"amount": amount}},
        )
        yield Case(f"amount {amount!r}", asked, expected, rules)
    everyone: JsonObject = {"budgets": {"*": limits}}
    asked = request("workflow.create", "editor", properties={"stepCount": 11})
    yield Case("budget of everyone", asked, refused, everyone)
    own: JsonObject = {"budgets": {"*": limits, "default": {}}}
    yield Case("own budget instead of everyone's", asked, (), own)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def all_cases() -> list[Case]:
    return [*role_cases(), *rule_cases(), *malformed_cases()]
