"""`slack`, `jira` and `ml` against servers that answer as those services do."""

import json
from collections.abc import Callable

import pytest

from engine.actions.connections.values import ConnectionKind
from engine.actions.interface import Action, Result
from engine.actions.jira import Jira, step_label
from engine.actions.ml import Ml
from engine.actions.slack import Slack
from engine.actions.tools import ActionTools
from engine.jsonvalue import JsonObject
from tests.actions.connected import KEY, Connections, context_of, failure, output, tools_allowing
from tests.actions.servers import Received, answer, http_server, json_answer


async def run(
    make: Callable[[ActionTools], Action], connections: Connections, config: JsonObject, attempt: int = 1
) -> Result:
    tools = tools_allowing("127.0.0.1", connections=connections)
    try:
        return await make(tools).run(context_of(config, attempt=attempt, given={"x": 1}))
    finally:
        await tools.close()


def slack(url: str, **secrets: str) -> Connections:
    connections = Connections()
    settings: JsonObject = {"baseUrl": url + "/api", "defaultChannel": "C1"} if "token" in secrets else {}
    connections.add("team", ConnectionKind.SLACK, settings, dict(secrets))
    return connections


async def test_slack_posts_to_an_incoming_webhook() -> None:
    async with http_server(lambda _: answer(200, b"ok")) as server:
        connections = slack(server.url, webhookUrl=f"{server.url}/services/T0/B0/secret-path")
        config: JsonObject = {"connection": "team", "text": "hello", "blocks": [{"type": "divider"}]}
        assert output(await run(Slack, connections, config)) == {"ok": True, "channel": None, "ts": None}
    (request,) = server.requests
    assert request.target == "/services/T0/B0/secret-path"
    assert json.loads(request.body) == {"text": "hello", "blocks": [{"type": "divider"}]}


async def test_slack_posts_as_a_bot_with_an_id_that_is_stable_over_attempts() -> None:
    async with http_server(lambda _: json_answer(b'{"ok": true, "channel": "C1", "ts": "17.1"}')) as server:
        connections = slack(server.url, token="xoxb-123456")
        for attempt in (1, 2):
            made = await run(Slack, connections, {"connection": "team", "text": "hi", "threadTs": "16.0"}, attempt)
            assert output(made) == {"ok": True, "channel": "C1", "ts": "17.1"}
    first, second = (json.loads(request.body) for request in server.requests)
    assert server.requests[0].headers["authorization"] == "Bearer xoxb-123456"
    assert (server.requests[0].target, first["channel"], first["thread_ts"]) == ("/api/chat.postMessage", "C1", "16.0")
    assert first["client_msg_id"] == second["client_msg_id"]


@pytest.mark.parametrize(
    ("response", "code", "retryable", "wait"),
    [
        (json_answer(b'{"ok": false, "error": "channel_not_found"}'), "slack.channel_not_found", False, None),
        (json_answer(b'{"ok": false, "error": "internal_error"}'), "slack.internal_error", True, None),
        (json_answer(b'{"ok": false, "error": "ratelimited"}', 429, Retry_After="3"), "http.429", True, 3_000),
        (answer(200, b"<html>"), "slack.unreadable", False, None),
        (answer(503), "http.503", True, None),
        (json_answer(b'{"ok": false, "error": "xoxb-123456"}'), "slack.unknown", False, None),
    ],
)
async def test_slack_refusals(response: bytes, code: str, retryable: bool, wait: int | None) -> None:  # noqa: FBT001 - a column
    async with http_server(lambda _: response) as server:
        failed = failure(await run(Slack, slack(server.url, token="xoxb-123456"), {"connection": "team", "text": "x"}))
    assert (failed.code, failed.retryable, failed.retry_after_ms) == (code, retryable, wait)
    assert "xoxb-123456" not in failed.message


async def test_a_slack_bot_needs_a_channel() -> None:
    connections = Connections()
    connections.add("team", ConnectionKind.SLACK, {}, {"token": "xoxb-123456"})
    assert failure(await run(Slack, connections, {"connection": "team", "text": "x"})).code == "action.config_invalid"


class FakeJira:
    """Keeps issues as Jira does, as far as the action asks for them."""

    def __init__(self) -> None:
        self.issues: list[JsonObject] = []
        self.status = "To Do"
        self.moves: list[JsonObject] = []
        self.lose_next = False

    def respond(self, request: Received) -> bytes:  # noqa: PLR0911 - one answer for each path
        path = request.target.removeprefix("/rest/api/3")
        body = json.loads(request.body) if request.body else {}
        if path == "/issue":
            self.issues.append(body["fields"])
            if self.lose_next:
                self.lose_next = False
                return answer(502)
            return self._json({"id": str(len(self.issues)), "key": f"OPS-{len(self.issues)}"}, 201)
        if path == "/search/jql":
            found = [
                {"id": str(n), "key": f"OPS-{n}"}
                for n, fields in enumerate(self.issues, 1)
                if any(f'"{label}"' in body["jql"] for label in fields["labels"])  # type: ignore[union-attr] # an array
            ]
            return self._json({"issues": found[: body["maxResults"]]})
        if path == "/issue/OPS-1?fields=status":
            return self._json({"fields": {"status": {"name": self.status}}})
        if path == "/issue/OPS-1/transitions" and request.method == "GET":
            to_done = {"id": "31", "name": "Finish", "to": {"name": "Done"}}
            return self._json({"transitions": [{"id": "11", "to": {"name": "Doing"}}, to_done]})
        if path == "/issue/OPS-1/transitions":
            self.moves.append(body)
            self.status = "Done"
            return answer(204)
        return answer(404)

    @staticmethod
    def _json(value: object, status: int = 200) -> bytes:
        return json_answer(json.dumps(value).encode(), status)


def jira(url: str) -> Connections:
    connections = Connections()
    connections.add("board", ConnectionKind.JIRA, {"baseUrl": url, "email": "a@x.org"}, {"token": "tok-123456"})
    return connections


CREATE: JsonObject = {
    "connection": "board",
    "operation": "create",
    "project": "OPS",
    "summary": "Disk full",
    "description": "One\n\nTwo",
    "labels": ["disk"],
    "fields": {"priority": {"name": "High"}},
}


async def test_jira_creates_an_issue() -> None:
    fake = FakeJira()
    async with http_server(fake.respond) as server:
        made = await run(Jira, jira(server.url), CREATE)
    assert output(made) == {"key": "OPS-1", "id": "1", "created": True}
    (fields,) = fake.issues
    label = step_label(context_of({}))
    assert fields["labels"] == ["disk", label]
    assert (fields["project"], fields["issuetype"]) == ({"key": "OPS"}, {"name": "Task"})
    assert (fields["priority"], fields["summary"]) == ({"name": "High"}, "Disk full")
    assert json.dumps(fields["description"]).count("paragraph") == 2
    assert [request.target for request in server.requests] == ["/rest/api/3/issue"]
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert server.requests[0].headers["idempotency-key"] == KEY


async def test_jira_finds_what_a_lost_attempt_created() -> None:
    fake = FakeJira()
    fake.lose_next = True
    async with http_server(fake.respond) as server:
        failed = failure(await run(Jira, jira(server.url), CREATE))
        assert (failed.code, failed.retryable) == ("http.502", True)
        again = await run(Jira, jira(server.url), CREATE, attempt=2)
    assert output(again) == {"key": "OPS-1", "id": "1", "created": False}
    assert len(fake.issues) == 1


async def test_jira_creates_on_a_later_attempt_when_nothing_is_there() -> None:
    fake = FakeJira()
    async with http_server(fake.respond) as server:
        made = await run(Jira, jira(server.url), CREATE, attempt=3)
    assert output(made) == {"key": "OPS-1", "id": "1", "created": True}


@pytest.mark.parametrize("body", [b"{}", b'{"key": null}', b'{"key": 7}', b"[]", b"not json", b""])
async def test_an_answer_without_a_key_is_no_issue_whatever_its_status(body: bytes) -> None:
    config: JsonObject = {"connection": "board", "operation": "create", "project": "OPS", "summary": "x"}
    async with http_server(lambda _: json_answer(body, 201)) as server:
        failed = failure(await run(Jira, jira(server.url), config))
    assert (failed.code, failed.retryable) == ("jira.unreadable", False)


async def test_jira_moves_an_issue_once() -> None:
    fake = FakeJira()
    config: JsonObject = {"connection": "board", "operation": "transition", "issueKey": "OPS-1", "toStatus": "done",
                          "comment": "fixed"}  # fmt: skip
    async with http_server(fake.respond) as server:
        assert output(await run(Jira, jira(server.url), config)) == {"key": "OPS-1", "status": "done", "moved": True}
        again = await run(Jira, jira(server.url), config, attempt=2)
    assert output(again) == {"key": "OPS-1", "status": "done", "moved": False}
    assert [move["transition"] for move in fake.moves] == [{"id": "31"}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"toStatus": "Nowhere"}, "jira.transition_unavailable"),
        ({"issueKey": "OPS-9"}, "http.404"),
        ({"issueKey": "../x"}, "jira.issue_unknown"),
        ({"project": "OPS"}, "action.config_invalid"),
    ],
)
async def test_jira_moves_that_cannot_be(changes: JsonObject, code: str) -> None:
    config: JsonObject = {"connection": "board", "operation": "transition", "issueKey": "OPS-1", "toStatus": "Done"}
    async with http_server(FakeJira().respond) as server:
        failed = failure(await run(Jira, jira(server.url), {**config, **changes}))
    assert (failed.code, failed.retryable) == (code, False)


def models(url: str) -> Connections:
    connections = Connections()
    connections.add("models", ConnectionKind.HTTP, {"baseUrl": url}, {"token": "tok-123456"})
    return connections


async def test_ml_sends_json_and_gives_back_the_prediction() -> None:
    async with http_server(lambda _: json_answer(b'{"label": "fraud", "score": 0.9}')) as server:
        config: JsonObject = {"connection": "models", "path": "/v2/fraud", "input": {"amount": 7},
                              "expect": {"required": ["score"]}}  # fmt: skip
        result = await run(Ml, models(server.url), config)
        assert output(await run(Ml, models(server.url), {"connection": "models"}))
    assert output(result) == {"prediction": {"label": "fraud", "score": 0.9}}
    assert server.requests[0].target == "/v2/fraud"
    assert [json.loads(request.body) for request in server.requests] == [{"amount": 7}, {"x": 1}]


@pytest.mark.parametrize(
    ("response", "expect", "code"),
    [
        (json_answer(b'{"label": 1}'), {"required": ["score"]}, "ml.unexpected"),
        (json_answer(b"not json"), {}, "ml.unreadable"),
        (answer(503), {}, "http.503"),
        (json_answer(b"{}"), {"$ref": "https://example.org/"}, "action.config_invalid"),
    ],
)
async def test_ml_answers_that_are_no_prediction(response: bytes, expect: JsonObject, code: str) -> None:
    async with http_server(lambda _: response) as server:
        failed = failure(await run(Ml, models(server.url), {"connection": "models", "expect": expect}))
    assert failed.code == code
