"""Notifications: actions that a workflow wants run when something happens to its executions and tasks.

In the present form a notification is `{actionType, actionConfig}`, and a hook is one of them or a list. Older documents
name channels and recipients instead; `actions_of` turns those into actions as far as they say whom to reach how:

- a mail address is written to through the action `email`, a `#room` through `slack`, an http(s) address through `api`;
- a channel is the name of a connection: one with `mail` or `smtp` in its name sends mail, one with `slack` posts there;
- what is left (another channel, a recipient that is no address) becomes `{channel}` or `{recipient}`. No action is made
  of it, and what becomes of it is a dead letter that says so, not silence.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from engine.definitions.interpolation import escaped
from engine.definitions.outline import Graph, Place
from engine.jsonvalue import Json, JsonObject

EVENT: Final = "event"
"""The one root of a notification's templates."""
MAIL: Final = "email"
"""Connection, and action, that write to recipients where no channel is named."""
SLACK: Final = "slack"
API: Final = "api"
_ADDRESS: Final = re.compile(r"[^@\s{}]+@[^@\s{}]+")
_MAIL_WORDS: Final = ("mail", "smtp")
_WEB: Final = ("http://", "https://")
_SHORT: Final = frozenset({"channel", "channels", "recipient", "recipients", "message", "text", "subject"})


@dataclass(frozen=True, slots=True)
class Message:
    """What is said where the document does not say it; both are templates that see `event`."""

    subject: str
    text: str


MESSAGES: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "onStart": Message(
            "Started: {{event.workflowName}}",
            "The workflow {{event.workflowName}} has started.\nExecution: {{event.executionId}}",
        ),
        "onComplete": Message(
            "Completed: {{event.workflowName}}",
            "The workflow {{event.workflowName}} has completed.\nExecution: {{event.executionId}}",
        ),
        "onError": Message(
            "Failed: {{event.workflowName}}",
            "The workflow {{event.workflowName}} has failed: {{event.error.message}}\n"
            "Code: {{event.error.code}}\nExecution: {{event.executionId}}",
        ),
        "onTaskCreated": Message(
            "To do: {{event.title}}",
            "Somebody is asked for something: {{event.title}}\nTask: {{event.taskId}}",
        ),
        "onTaskWarning": Message(
            "Due soon: {{event.title}}",
            "The time of a task is running out: {{event.title}}\nTask: {{event.taskId}}",
        ),
        "onTaskBreached": Message(
            "Overdue: {{event.title}}",
            "The time of a task is over: {{event.title}}\nTask: {{event.taskId}}",
        ),
        "onTaskEscalated": Message(
            "Escalated: {{event.title}}",
            "A task was escalated: {{event.title}}\nIt is {{event.status}}. Task: {{event.taskId}}",
        ),
    }
)
"""By hook of `settings.notifications`."""
ESCALATION: Final = MESSAGES["onTaskEscalated"]


@dataclass(frozen=True, slots=True)
class _Ways:
    """Whom to reach over what."""

    channels: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()

    def over(self, shared: "_Ways") -> "_Ways":
        """These; of what is not said here the shared ones, as far as channels that are named here lead to them."""
        if not self.channels:
            return _Ways(shared.channels, self.recipients or shared.recipients)
        leads = tuple(word for word in shared.recipients if _leads_to(self.channels, word))
        return _Ways(self.channels, self.recipients or leads)


def in_present_form(notifications: JsonObject) -> JsonObject:
    """`settings.notifications` in the present form. `channels` and `recipients` have gone into the hooks."""
    shared = _Ways(_words(notifications.get("channels")), _words(notifications.get("recipients")))
    result: JsonObject = {}
    for name, value in notifications.items():
        if name in MESSAGES:
            result[name] = _hook(value, shared, MESSAGES[name])
        elif name not in {"channels", "recipients"} or not isinstance(value, str | list | bool):
            result[name] = value
    return result


def level_in_present_form(level: JsonObject) -> JsonObject:
    """A level of escalation whose `notification` is in the present form; its assignees are the recipients."""
    if "notification" not in level:
        return level
    shared = _Ways((), tuple(word for word in _words(level.get("assignees")) if _is_reachable(word)))
    return {**level, "notification": _hook(level["notification"], shared, ESCALATION)}


def actions_of(recipients: Sequence[str], message: Message) -> tuple[JsonObject, ...]:
    """What reaches those of the recipients who have an address."""
    return tuple(_told(_Ways((), tuple(word for word in recipients if _is_reachable(word))), message))


def listed(hook: Json) -> tuple[JsonObject, ...]:
    """Notifications of a hook in the present form, `{channel}` and `{recipient}` included."""
    return tuple(one for one in (hook if isinstance(hook, list) else [hook]) if isinstance(one, dict))


def placed(document: JsonObject, graphs: Sequence[Graph]) -> Iterator[tuple[str, JsonObject, Place]]:
    """Every notification of a document in the present form: whose it is, in words, what it is, and where it stands."""
    settings = document.get("settings")
    hooks = settings.get("notifications") if isinstance(settings, dict) else None
    for name, hook in hooks.items() if isinstance(hooks, dict) else ():
        yield from _placed(f"Notification '{name}'", hook, ("settings", "notifications", name))
    for graph in graphs:
        for node in (*graph.nodes.values(), *graph.repeated):
            levels = node.config.get("escalation") if node.type == "human" else None
            for index, level in enumerate(levels if isinstance(levels, list) else ()):
                if isinstance(level, dict):
                    place = (*node.place, "config", "escalation", index, "notification")
                    yield from _placed(f"A notification of step '{node.id}'", level.get("notification"), place)


def kept_for_later(levels: Json) -> Json:
    """Levels whose notifications come through the rendering of a step's config as they stand: they see only `event`."""
    if not isinstance(levels, list):
        return levels
    return [
        {**level, "notification": escaped(level["notification"])}
        if isinstance(level, dict) and "notification" in level
        else level
        for level in levels
    ]


def _placed(who: str, hook: Json, place: Place) -> Iterator[tuple[str, JsonObject, Place]]:
    if isinstance(hook, dict):
        yield who, hook, place
    for index, one in enumerate(hook if isinstance(hook, list) else ()):
        if isinstance(one, dict):
            yield who, one, (*place, index)


def _hook(value: Json, shared: _Ways, message: Message) -> Json:
    if value is True:
        return [*_told(shared, message)] or True
    if isinstance(value, str):
        return [*_told(_ways(value).over(shared), message)]
    if isinstance(value, list):
        said = [_hook(one, shared, message) for one in value if isinstance(one, dict)]
        flat = [inner for one in said for inner in (one if isinstance(one, list) else [one])]
        words: list[Json] = [one for one in value if isinstance(one, str)]
        told = _told(_ways(words).over(shared), message) if words else ()
        return [*flat, *told, *(one for one in value if not isinstance(one, dict | str))]
    if isinstance(value, dict) and value and value.keys() <= _SHORT:
        return _short(value, shared, message)
    return value


def _short(value: JsonObject, shared: _Ways, message: Message) -> Json:
    """`{channels, recipients, message}`: its own words count before the shared ones."""
    channels = _words(value.get("channels", value.get("channel")))
    recipients = _words(value.get("recipients", value.get("recipient")))
    subject, text = value.get("subject"), value.get("text", value.get("message"))
    own = Message(
        subject if isinstance(subject, str) else message.subject, text if isinstance(text, str) else message.text
    )
    return [*_told(_Ways(channels, recipients).over(shared), own)] or True


def _ways(words: Json) -> _Ways:
    """Words of a hook: those that can be written to are recipients, the others channels."""
    found = _words(words)
    reachable = tuple(word for word in found if _is_reachable(word))
    return _Ways(tuple(word for word in found if word not in reachable), reachable)


def _told(ways: _Ways, message: Message) -> Iterator[JsonObject]:
    """One notification for each way, and each word that leads nowhere."""
    people = [word for word in ways.recipients if _ADDRESS.fullmatch(word)]
    rooms: list[str | None] = [word for word in ways.recipients if word.startswith("#")]
    mail = [word for word in ways.channels if _is_mail(word)]
    posts = [word for word in ways.channels if _is_slack(word)]
    for name in mail or ([MAIL] if people else []):
        yield _mail(name, people, message) if people else {"channel": name}
    for name in posts or ([SLACK] if rooms else []):
        for room in rooms or [None]:
            yield _post(name, room, message)
    for word in ways.recipients:
        if word.startswith(_WEB):
            yield _call(word)
        elif word not in people and word not in rooms:
            yield {"recipient": word}
    for word in ways.channels:
        if word not in mail and word not in posts:
            yield _call(word) if word.startswith(_WEB) else {"channel": word}


def _mail(connection: str, people: Sequence[str], message: Message) -> JsonObject:
    config: JsonObject = {"connection": connection, "to": [*people], "subject": message.subject, "text": message.text}
    return {"actionType": MAIL, "actionConfig": config}


def _post(connection: str, channel: str | None, message: Message) -> JsonObject:
    config: JsonObject = {"connection": connection, "text": message.text}
    return {"actionType": SLACK, "actionConfig": config if channel is None else {**config, "channel": channel}}


def _call(url: str) -> JsonObject:
    return {"actionType": API, "actionConfig": {"method": "POST", "url": url, "body": "{{event}}"}}


def _is_mail(channel: str) -> bool:
    return any(part in channel.lower() for part in _MAIL_WORDS)


def _is_slack(channel: str) -> bool:
    return SLACK in channel.lower() and not _is_mail(channel)


def _leads_to(channels: Sequence[str], recipient: str) -> bool:
    if _ADDRESS.fullmatch(recipient):
        return any(map(_is_mail, channels))
    return recipient.startswith("#") and any(map(_is_slack, channels))


def _is_reachable(word: str) -> bool:
    return word.startswith(("#", *_WEB)) or _ADDRESS.fullmatch(word) is not None


def _words(value: Json) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(dict.fromkeys(word.strip() for word in words if isinstance(word, str) and word.strip()))
