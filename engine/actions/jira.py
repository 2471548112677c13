"""`jira`: create and move issues over Jira's REST API, version 3.

Jira knows no idempotency keys. So a created issue carries a label that is derived from the step's key, and every
attempt but the first looks for it before it creates; a transition looks at the issue's status first.
"""

import hashlib
from typing import Final

from engine.actions.attempts import attempt_over, seconds_for
from engine.actions.bodies import json_value
from engine.actions.connections.secrets import reveal_all
from engine.actions.connections.values import JiraConnection
from engine.actions.http_calls import call_headers
from engine.actions.interface import ActionContext, Effect, Failed, Result, Succeeded
from engine.actions.json_schemas import compile_schema
from engine.actions.outbound.requests import HttpRequest, HttpResponse
from engine.actions.outcomes import failed_status
from engine.actions.tools import ActionTools
from engine.jsonvalue import Json, JsonObject, dumps

_TEXT: Final[JsonObject] = {"type": "string", "minLength": 1}
CONFIG_SCHEMA: Final[JsonObject] = {
    "title": "Jira issue",
    "description": (
        "Creates an issue, or moves one on. Output of `create`: `{key, id, created}`, `created` false when an earlier "
        "attempt had created it; of `transition`: `{key, status, moved}`."
    ),
    "type": "object",
    "properties": {
        "connection": {"title": "Connection", "description": "Name of a `jira` connection.", **_TEXT},
        "operation": {
            "title": "Operation",
            "description": "What to do.",
            "type": "string",
            "enum": ["create", "transition"],
        },
        "project": {"title": "Project", "description": "Key of the project, to create in.", **_TEXT},
        "issueType": {"title": "Issue type", "description": "Its name.", **_TEXT, "default": "Task"},
        "summary": {"title": "Summary", "description": "One line.", **_TEXT, "maxLength": 255},
        "description": {
            "title": "Description",
            "description": "Plain text; empty lines part paragraphs.",
            "type": "string",
        },
        "labels": {
            "title": "Labels",
            "description": "Further labels of the created issue.",
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 255},
        },
        "fields": {"title": "Fields", "description": "Further fields, as Jira's API takes them.", "type": "object"},
        "issueKey": {"title": "Issue", "description": "Key or id of the issue to move.", **_TEXT},
        "toStatus": {"title": "To status", "description": "Name of the status that the issue should reach.", **_TEXT},
        "comment": {"title": "Comment", "description": "Added to the issue with the transition.", "type": "string"},
    },
    "required": ["connection", "operation"],
    "additionalProperties": False,
    "oneOf": [
        {
            "properties": {"operation": {"const": "create"}, "issueKey": False, "toStatus": False, "comment": False},
            "required": ["project", "summary"],
        },
        {
            "properties": {
                "operation": {"const": "transition"},
                "project": False,
                "summary": False,
                "description": False,
                "labels": False,
                "issueType": False,
            },
            "required": ["issueKey", "toStatus"],
        },
    ],
}


class _Unwanted(Exception):
    """A call of several was answered in a way that ends the attempt."""

    def __init__(self, failure: Failed) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Jira:
    """One operation on one issue per attempt."""

    name = "jira"
    effect = Effect.WRITE
    config_schema = CONFIG_SCHEMA

    def __init__(self, tools: ActionTools) -> None:
        self._tools = tools
        self._schema = compile_schema(CONFIG_SCHEMA)

    async def run(self, context: ActionContext) -> Result:
        """The issue that was created or moved."""
        return await attempt_over(self._tools, context, self._schema, JiraConnection, self._operate)

    async def _operate(self, context: ActionContext, connection: JiraConnection) -> Result:
        try:
            if context.config["operation"] == "create":
                return await self._create(context, connection)
            return await self._transition(context, connection)
        except _Unwanted as exc:
            return exc.failure

    async def _create(self, context: ActionContext, connection: JiraConnection) -> Result:
        label = step_label(context)
        if context.attempt > 1:
            found = await self._call(
                context,
                connection,
                "POST",
                "/search/jql",
                {"jql": f'labels = "{label}" order by created asc', "fields": ["summary"], "maxResults": 1},
            )
            issues = found.get("issues")
            if isinstance(issues, list) and issues and isinstance(issues[0], dict):
                return _issue(issues[0], created=False)
        made = await self._call(context, connection, "POST", "/issue", {"fields": _fields(context.config, label)})
        return _issue(made, created=True)

    async def _transition(self, context: ActionContext, connection: JiraConnection) -> Result:
        key, wanted = str(context.config["issueKey"]), str(context.config["toStatus"])
        if not key.replace("-", "").replace("_", "").isalnum():
            raise _Unwanted(Failed("jira.issue_unknown", "The issue key holds characters that no key has."))
        issue = await self._call(context, connection, "GET", f"/issue/{key}?fields=status")
        if _named(_member(issue, "fields", "status"), wanted):
            return Succeeded({"key": key, "status": wanted, "moved": False})
        listed = await self._call(context, connection, "GET", f"/issue/{key}/transitions")
        transition = _leading_to(listed.get("transitions"), wanted)
        if transition is None:
            raise _Unwanted(
                Failed("jira.transition_unavailable", f"From its status the issue cannot move to {wanted[:100]!r}.")
            )
        body: JsonObject = {"transition": {"id": transition}}
        if "fields" in context.config:
            body["fields"] = context.config["fields"]
        if "comment" in context.config:
            body["update"] = {"comment": [{"add": {"body": document(str(context.config["comment"]))}}]}
        await self._call(context, connection, "POST", f"/issue/{key}/transitions", body)
        return Succeeded({"key": key, "status": wanted, "moved": True})

    async def _call(
        self, context: ActionContext, connection: JiraConnection, method: str, path: str, body: Json = None
    ) -> JsonObject:
        request = HttpRequest(
            method=method,
            url=f"{connection.base_url}/rest/api/3{path}",
            tenant=context.tenant,
            connection=connection.reference.name,
            headers=(("Accept", "application/json"), ("Content-Type", "application/json"), *call_headers(context)),
            credentials=reveal_all(connection.credentials),
            content=b"" if body is None else dumps(body).encode(),
            timeout_s=seconds_for(context),
            authority=connection.authority,
            max_concurrency=connection.max_concurrency,
        )
        return self._answer(await self._tools.http.send(request), context)

    def _answer(self, response: HttpResponse, context: ActionContext) -> JsonObject:
        if not 200 <= response.status < 300:
            raise _Unwanted(failed_status(response, context, self._tools.clock.now()))
        if not response.body:
            return {}
        parsed = json_value(response.body)
        if parsed is None or not isinstance(parsed[0], dict):
            raise _Unwanted(_unreadable())
        return parsed[0]


def _issue(answer: JsonObject, *, created: bool) -> Result:
    """The issue of an answer; an answer without a key names none, whatever its status."""
    key = answer.get("key")
    if not isinstance(key, str) or not key:
        return _unreadable()
    return Succeeded({"key": key, "id": answer.get("id"), "created": created})


def _unreadable() -> Failed:
    return Failed("jira.unreadable", "Jira's answer is not what its API promises.", details={"sent": True})


def step_label(context: ActionContext) -> str:
    """The label by which an issue of this step is found again."""
    digest = hashlib.sha256(f"{context.tenant}\0{context.idempotency_key}".encode()).hexdigest()
    return f"maestro-{digest[:32]}"


def document(text: str) -> JsonObject:
    """Plain text in Atlassian Document Format: empty lines part paragraphs."""
    paragraphs = [part.strip() for part in text.split("\n\n") if part.strip()]
    content: list[Json] = [{"type": "paragraph", "content": [{"type": "text", "text": part}]} for part in paragraphs]
    return {"type": "doc", "version": 1, "content": content}


def _fields(config: JsonObject, label: str) -> JsonObject:
    given, labels = config.get("fields"), config.get("labels")
    fields: JsonObject = dict(given) if isinstance(given, dict) else {}
    fields["project"] = {"key": config["project"]}
    fields["issuetype"] = {"name": config.get("issueType", "Task")}
    fields["summary"] = config["summary"]
    fields["labels"] = [*(labels if isinstance(labels, list) else []), label]
    if "description" in config:
        fields["description"] = document(str(config["description"]))
    return fields


def _member(value: Json, *names: str) -> Json:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _named(status: Json, wanted: str) -> bool:
    name = _member(status, "name")
    return isinstance(name, str) and name.casefold() == wanted.casefold()


def _leading_to(transitions: Json, wanted: str) -> str | None:
    """Id of the first transition that leads to the status."""
    for transition in transitions if isinstance(transitions, list) else []:
        identifier = _member(transition, "id")
        if isinstance(identifier, str) and _named(_member(transition, "to"), wanted):
            return identifier
    return None
