"""`slack`: one message, over an incoming webhook or `chat.postMessage`."""

import re
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from engine.actions.attempts import attempt_over, seconds_for
from engine.actions.bodies import json_value
from engine.actions.connections.values import SlackConnection
from engine.actions.http_calls import call_headers
from engine.actions.interface import ActionContext, Effect, Failed, Result, Succeeded, config_invalid
from engine.actions.json_schemas import closed_object, compile_schema
from engine.actions.outbound.requests import HttpRequest, HttpResponse
from engine.actions.outcomes import failed_status, may_repeat, retry_after_ms
from engine.actions.tools import ActionTools
from engine.errors import Fault
from engine.jsonvalue import JsonObject, dumps

# What Slack answers with status 200 though nothing was posted, and what may go well later.
_RETRYABLE_ERRORS = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_ERROR: Final = re.compile(r"[a-z0-9_]{1,60}")
"""What Slack's errors look like: whatever else stands there is no part of a code."""
CONFIG_SCHEMA: Final[JsonObject] = closed_object(
    {
        "connection": {
            "title": "Connection",
            "description": "Name of a `slack` connection: an incoming webhook, or a bot token.",
            "type": "string",
            "minLength": 1,
        },
        "channel": {
            "title": "Channel",
            "description": "Channel id or name, for a bot token; the connection's default where absent.",
            "type": "string",
            "minLength": 1,
        },
        "text": {
            "title": "Text",
            "description": "The message; beside `blocks` it is what notifications show.",
            "type": "string",
            "maxLength": 40_000,
        },
        "blocks": {
            "title": "Blocks",
            "description": "Block Kit blocks.",
            "type": "array",
            "items": {"type": "object"},
            "maxItems": 50,
        },
        "threadTs": {
            "title": "Thread",
            "description": "Time stamp of the message to answer in its thread.",
            "type": "string",
        },
    },
    required=("connection", "text"),
    title="Slack message",
    description=("Posts one message. Output: `{ok, channel, ts}`; an incoming webhook tells neither of the last two."),
)


class Slack:
    """Posts one message per attempt."""

    name = "slack"
    effect = Effect.WRITE
    config_schema = CONFIG_SCHEMA

    def __init__(self, tools: ActionTools) -> None:
        self._tools = tools
        self._schema = compile_schema(CONFIG_SCHEMA)

    async def run(self, context: ActionContext) -> Result:
        """`{ok, channel, ts}` when Slack took the message."""
        return await attempt_over(self._tools, context, self._schema, SlackConnection, self._post)

    async def _post(self, context: ActionContext, connection: SlackConnection) -> Result:
        request = _request(context, connection)
        if request is None:
            fault = Fault("slack.no_channel", "/channel", "No channel is given.", "Name one here or in the connection.")
            return config_invalid((fault,))
        response = await self._tools.http.send(request)
        return self._result(response, context, is_webhook=connection.webhook_url is not None)

    def _result(self, response: HttpResponse, context: ActionContext, *, is_webhook: bool) -> Succeeded | Failed:
        now = self._tools.clock.now()
        if response.status != 200:
            return failed_status(response, context, now)
        if is_webhook:
            return Succeeded({"ok": True, "channel": None, "ts": None})
        parsed = json_value(response.body)
        answer = parsed[0] if parsed else None
        if not isinstance(answer, dict) or "ok" not in answer:
            return Failed("slack.unreadable", "Slack's answer is not what its API promises.", details={"sent": True})
        if answer["ok"] is True:
            return Succeeded({"ok": True, "channel": answer.get("channel"), "ts": answer.get("ts")})
        named = answer.get("error")
        error = named if isinstance(named, str) and _ERROR.fullmatch(named) else "unknown"
        return Failed(
            code=f"slack.{error}",
            message=f"Slack refused the message: {error}.",
            retryable=error in _RETRYABLE_ERRORS and may_repeat(context, sent=True),
            retry_after_ms=retry_after_ms(response, now),
            details={"sent": True, "error": error},
        )


def _request(context: ActionContext, connection: SlackConnection) -> HttpRequest | None:
    """The request that posts the message; None when a bot has no channel to post to."""
    config = context.config
    message: JsonObject = {"text": config["text"]}
    if "blocks" in config:
        message["blocks"] = config["blocks"]
    if "threadTs" in config:
        message["thread_ts"] = config["threadTs"]
    credentials: tuple[tuple[str, str], ...] = ()
    if connection.webhook_url is not None:
        url = connection.webhook_url.reveal()
    else:
        channel = config.get("channel", connection.default_channel)
        if channel is None:
            return None
        url = connection.base_url + "/chat.postMessage"
        message["channel"] = channel
        message["client_msg_id"] = str(uuid5(NAMESPACE_URL, f"maestro:{context.tenant}:{context.idempotency_key}"))
        token = "" if connection.token is None else connection.token.reveal()
        credentials = (("Authorization", f"Bearer {token}"),)
    return HttpRequest(
        method="POST",
        url=url,
        tenant=context.tenant,
        connection=connection.reference.name,
        headers=(("Content-Type", "application/json; charset=utf-8"), *call_headers(context)),
        credentials=credentials,
        content=dumps(message).encode(),
        timeout_s=seconds_for(context),
        authority=connection.authority,
        max_concurrency=connection.max_concurrency,
    )
