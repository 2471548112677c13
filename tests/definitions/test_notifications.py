"""Notifications of older documents become actions, as far as they say whom to reach how; what is left stays visible."""

from typing import Any

import pytest

from engine.definitions.catalogue import ActionCatalogue
from engine.definitions.checking import check
from engine.definitions.interpolation import compile_template, escaped, render
from engine.definitions.model import HumanConfig
from engine.definitions.normaliser import normalise
from engine.definitions.notifications import MESSAGES
from engine.jsonvalue import Json

FAILED = MESSAGES["onError"]


def mail(*to: str, connection: str = "email", text: str = FAILED.text) -> dict[str, Any]:
    config = {"connection": connection, "to": [*to], "subject": FAILED.subject, "text": text}
    return {"actionType": "email", "actionConfig": config}


def post(channel: str | None = None, connection: str = "slack") -> dict[str, Any]:
    config = {"connection": connection, "text": FAILED.text}
    return {"actionType": "slack", "actionConfig": config if channel is None else {**config, "channel": channel}}


def call(url: str) -> dict[str, Any]:
    return {"actionType": "api", "actionConfig": {"method": "POST", "url": url, "body": "{{event}}"}}


PRESENT = {"actionType": "noop"}


@pytest.mark.parametrize(
    ("hook", "channels", "recipients", "expected"),
    [
        (True, "email", "a@example.org", [mail("a@example.org")]),
        (True, None, ["a@example.org", "b@example.org"], [mail("a@example.org", "b@example.org")]),
        (True, ["slack"], None, [post()]),
        (True, ["slack"], ["a@example.org"], [mail("a@example.org"), post()]),
        (True, ["email", "slack"], ["#ops"], [{"channel": "email"}, post("#ops")]),
        (True, ["ops-mail", "Slack-EU"], ["a@example.org"], [
            mail("a@example.org", connection="ops-mail"), post(connection="Slack-EU")]),
        ("slack", ["email"], ["a@example.org", "#ops", "ann"], [post("#ops")]),
        ("a@example.org", None, None, [mail("a@example.org")]),
        ("https://hooks.example.org/x", None, None, [call("https://hooks.example.org/x")]),
        (["slack", "#ops", PRESENT], None, None, [PRESENT, post("#ops")]),
        (["email"], None, ["a@example.org"], [mail("a@example.org")]),
        ({"channel": "email", "recipients": ["a@example.org"], "message": "Oh"}, None, None, [
            mail("a@example.org", text="Oh")]),
        (True, ["sms"], ["ann", "slackbot"], [{"recipient": "ann"}, {"recipient": "slackbot"}, {"channel": "sms"}]),
        (True, None, None, True),
        (False, ["slack"], None, False),
        (PRESENT, ["slack"], None, PRESENT),
        ([PRESENT], ["slack"], None, [PRESENT]),
    ],
)  # fmt: skip
def test_a_hook_becomes_actions(hook: Json, channels: Json, recipients: Json, expected: Json) -> None:
    shared = {"channels": channels, "recipients": recipients}
    older = {"onError": hook, **{name: value for name, value in shared.items() if value is not None}}

    once = normalise({"settings": {"notifications": older}}).document

    assert once == {"settings": {"notifications": {"onError": expected}}}
    assert normalise(once).document == once


def faults(catalogue: ActionCatalogue, notifications: Json) -> list[tuple[str, str]]:
    step: Json = {"id": "a", "type": "action", "config": {"actionType": "noop"}}
    document: Json = {"name": "x", "steps": [step], "settings": {"notifications": notifications}}
    return [(one.code, one.path) for one in check(document, catalogue).faults]


HOOK = "/settings/notifications/onStart"


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        ({"actionType": "nop"}, [("action.unknown_type", f"{HOOK}/actionType")]),
        ([PRESENT, {"actionType": "api", "actionConfig": {}}], [("action.config_invalid", f"{HOOK}/1/actionConfig")]),
        ({"actionType": "api", "actionConfig": {"url": "{{event.x}"}},
         [("template.invalid", f"{HOOK}/actionConfig/url")]),
        ({"actionType": "api", "actionConfig": {"url": "{{triggerData.x}}"}},
         [("path.invalid", f"{HOOK}/actionConfig/url")]),
        ({"actionConfig": {}}, [("member.missing", HOOK)]),
        ({"actionType": "noop", "to": "x"}, [("member.unknown", f"{HOOK}/to")]),
        (7, [("value.wrong_type", HOOK)]),
        ([7], [("value.wrong_type", f"{HOOK}/0")]),
        ({"channel": "sms"}, []),
        (True, []),
    ],
)  # fmt: skip
def test_faults_of_notifications(catalogue: ActionCatalogue, hook: Json, expected: list[tuple[str, str]]) -> None:
    assert faults(catalogue, {"onStart": hook}) == expected


def human(catalogue: ActionCatalogue, level: Json) -> Any:
    config: Json = {"title": "{{triggerData.title}}", "escalation": [level]}
    return check({"name": "x", "steps": [{"id": "ask", "type": "human", "config": config}]}, catalogue)


def test_what_a_level_sends_sees_the_event_and_not_what_the_step_saw(catalogue: ActionCatalogue) -> None:
    said: Json = {"actionType": "api", "actionConfig": {"url": "https://x.test/{{event.taskId}}", "body": "\\{{raw}}"}}
    level: Json = {"afterMs": 1, "action": "notify", "groups": ["{{triggerData.group}}"], "notification": said}

    checked = human(catalogue, level)

    assert checked.faults == ()
    config = checked.definition.steps[0].config
    assert isinstance(config, HumanConfig)
    rendered: Any = render(config.task, {"triggerData": {"title": "Look", "group": "{{event.secret}}"}})
    assert rendered["escalation"] == [{**level, "groups": ["{{event.secret}}"]}]  # type: ignore[dict-item]


def test_a_level_names_its_assignees_as_recipients_and_is_checked(catalogue: ActionCatalogue) -> None:
    people: Json = ["a@example.org", "ann"]
    level: Json = {"afterMs": 1, "action": "notify", "assignees": people, "notification": ["email", "slack"]}
    normalised: Any = human(catalogue, level).normalised
    sent = normalised["steps"][0]["config"]["escalation"][0]["notification"]
    assert [one["actionType"] for one in sent] == ["email", "slack"]

    level = {"afterMs": 1, "action": "notify", "notification": {"actionType": "nop"}}
    place = "/steps/0/config/escalation/0/notification/actionType"
    assert [(one.code, one.path) for one in human(catalogue, level).faults] == [("action.unknown_type", place)]


@pytest.mark.parametrize("value", ["{{a}}", "\\{{a}}", "a \\{{ {{b", {"x": ["{{y}}", 1]}])
def test_an_escaped_value_renders_to_itself(value: Json) -> None:
    assert render(compile_template(escaped(value)), {}) == value
