"""Faults of time: retries and timeouts that do not fit together, instants, schedules, timezones."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from engine.definitions.cron import CronError, NeverFiresError, parse_cron, zone_of
from engine.definitions.faults import FaultCode, fault
from engine.definitions.keywords import in_words, policy_of
from engine.definitions.outline import Graph, Node
from engine.definitions.pointers import pointer
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject


def timing_faults(document: JsonObject, graphs: Sequence[Graph]) -> Iterator[Fault]:
    """Every fault of time in a document."""
    settings = document.get("settings")
    limit = _duration(settings.get("timeout")) if isinstance(settings, dict) else None
    for graph in graphs:
        for node in (*graph.nodes.values(), *graph.repeated):
            yield from _step_faults(node, limit)
    triggers = document.get("triggers")
    for index, trigger in enumerate(triggers if isinstance(triggers, list) else ()):
        config = trigger.get("config") if isinstance(trigger, dict) else None
        if isinstance(trigger, dict) and isinstance(config, dict) and trigger.get("type") == "schedule":
            yield from _schedule_faults(trigger, config, index)


def _step_faults(node: Node, workflow_ms: int | None) -> Iterator[Fault]:
    own_ms = _duration(node.config.get("timeout"))
    if workflow_ms is not None:
        for member in ("timeout", "delayMs"):
            value = _duration(node.config.get(member))
            if value is not None and value > workflow_ms:
                message = (
                    f"Step '{node.id}' may take {in_words(value)} (`{member}`), but the workflow ends after "
                    f"{in_words(workflow_ms)}."
                )
                yield fault(FaultCode.TIMEOUT_BEYOND_WORKFLOW, node.at("config", member), message)
    yield from _instant_faults(node)
    retry = node.step.get("retryConfig")
    if isinstance(retry, dict):
        yield from _retry_faults(node, retry, own_ms, workflow_ms)


def _instant_faults(node: Node) -> Iterator[Fault]:
    """Instants that are written down; what a template will give is not known yet."""
    for member in ("until", "dueDate"):
        value = node.config.get(member)
        if isinstance(value, str) and "{{" not in value and not _is_instant(value):
            message = f"Step '{node.id}': `config.{member}` must be an RFC 3339 instant, but is {value[:100]!r}."
            hint = "Write an instant such as 2026-03-01T12:00:00Z, or a template that gives one."
            yield fault(FaultCode.VALUE_WRONG_FORMAT, node.at("config", member), message, hint)


def _is_instant(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _retry_faults(node: Node, retry: JsonObject, own_ms: int | None, workflow_ms: int | None) -> Iterator[Fault]:
    waits = policy_of(retry).longest_wait_ms()
    limits = [(own_ms, "its timeout is"), (workflow_ms, "the workflow ends after")]
    known = [(limit, words) for limit, words in limits if limit is not None]
    if not known:
        return
    limit, words = min(known)
    if waits > limit:
        message = f"Step '{node.id}' may wait {in_words(waits)} between its retries, but {words} {in_words(limit)}."
        yield fault(FaultCode.RETRY_OUTLASTS_TIMEOUT, node.at("retryConfig"), message)


def _schedule_faults(trigger: JsonObject, config: JsonObject, index: int) -> Iterator[Fault]:
    name = f"Trigger '{trigger.get('id')}'"
    expression, timezone = config.get("schedule"), config.get("timezone")
    if isinstance(expression, str):
        place = pointer("triggers", index, "config", "schedule")
        try:
            parse_cron(expression)
        except NeverFiresError as error:
            message = f"{name} never fires: of {expression[:100]!r}, {error}."
            yield fault(FaultCode.CRON_NEVER_FIRES, place, message)
        except CronError as error:
            message = f"{name} has the schedule {expression[:100]!r}, which is no cron expression: {error}."
            yield fault(FaultCode.CRON_INVALID, place, message)
    if isinstance(timezone, str):
        try:
            zone_of(timezone)
        except LookupError:
            message = f"{name} has the timezone {timezone[:100]!r}, which is none of the IANA database."
            yield fault(FaultCode.TIMEZONE_UNKNOWN, pointer("triggers", index, "config", "timezone"), message)


def _duration(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
