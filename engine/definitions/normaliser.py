"""Older documents, turned into the form that the JSON Schema describes.

What is turned, and nothing else:

1. A loop without `config.body`: the targets of its connections are its body, one after another per item; what follows
   them belongs to the body until a connection labelled `done` leaves the loop (see `folding`).
2. `settings.errorHandling: "retry"` becomes `"stop"`, and each action and subprocess step without a `retryConfig` gets
   three retries (1 s, exponential), within the timeouts that hold for it.
3. A numeric `version` N becomes `"N.0.0"`.
4. `{{path}}` where a path is asked for (`iterateOver`, mappings, correlation, condition fields) becomes `path`.
5. A `webhookPath` loses the slashes at its ends.
6. `settings.notifications`, and the `notification` of an escalation level, that say `true` or name channels and
   recipients become actions (see `notifications`).

Normalising is idempotent, never changes its argument, and leaves alone whatever has not the shape it looks for: the
schema faults come afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.definitions.folding import fold_loops
from engine.definitions.model import RetryPolicy
from engine.definitions.notifications import in_present_form, level_in_present_form
from engine.jsonvalue import Json, JsonObject

OLD_RETRIES: Final = 3
OLD_RETRY_DELAY_MS: Final = 1_000
_RETRIED_TYPES: Final = ("action", "subprocess")
_PATH_MAPS: Final = ("inputMappings", "outputMappings", "correlation")


@dataclass(frozen=True, slots=True)
class Normalised:
    """A document in the present form.

    Attributes:
        origins: where steps that were moved stood in the document as sent: pointer here → pointer there.
    """

    document: Json
    origins: Mapping[str, str]

    def original(self, pointer: str) -> str:
        """Pointer into the document as sent for a pointer into the normalised one."""
        if not self.origins:
            return pointer
        prefix = pointer
        while prefix:
            origin = self.origins.get(prefix)
            if origin is not None:
                return origin + pointer[len(prefix) :]
            prefix = prefix[: prefix.rindex("/")]
        return pointer


def normalise(document: Json) -> Normalised:
    """The document in the present form, with the way back to the form it was sent in."""
    if not isinstance(document, dict):
        return Normalised(document, {})
    result = dict(document)
    version = result.get("version")
    if isinstance(version, int) and not isinstance(version, bool) and version >= 0:
        result["version"] = f"{version}.0.0"
    settings = result.get("settings")
    retrying = isinstance(settings, dict) and settings.get("errorHandling") == "retry"
    if isinstance(settings, dict):
        result["settings"] = _settings(settings)
    origins: dict[str, str] = {}
    steps = result.get("steps")
    if isinstance(steps, list):
        folded = fold_loops(steps, origins)
        limit = settings.get("timeout") if isinstance(settings, dict) else None
        result["steps"] = _steps(folded, _Retries(limit) if retrying else None)
    triggers = result.get("triggers")
    if isinstance(triggers, list):
        result["triggers"] = [_trigger(trigger) for trigger in triggers]
    return Normalised(result, origins)


def _settings(settings: JsonObject) -> JsonObject:
    result = dict(settings)
    if result.get("errorHandling") == "retry":
        result["errorHandling"] = "stop"
    notifications = result.get("notifications")
    if isinstance(notifications, dict):
        result["notifications"] = in_present_form(notifications)
    return result


@dataclass(frozen=True, slots=True)
class _Retries:
    """The retries that `errorHandling: retry` gives to steps without their own, within the workflow's timeout."""

    workflow_timeout: Json

    def config_for(self, step: JsonObject) -> JsonObject:
        retry: JsonObject = {
            "maxRetries": OLD_RETRIES,
            "retryDelay": OLD_RETRY_DELAY_MS,
            "exponentialBackoff": True,
        }
        config = step.get("config")
        own = config.get("timeout") if isinstance(config, dict) else None
        limits = [limit for limit in (own, self.workflow_timeout) if isinstance(limit, int) and limit > 0]
        policy = RetryPolicy(OLD_RETRIES, OLD_RETRY_DELAY_MS)
        if limits and policy.longest_wait_ms() > min(limits):
            retry["maxElapsed"] = min(limits)
        return retry


def _steps(steps: list[Json], retries: _Retries | None) -> list[Json]:
    return [_step(step, retries) for step in steps]


def _step(step: Json, retries: _Retries | None) -> Json:
    if not isinstance(step, dict):
        return step
    result = dict(step)
    config = result.get("config")
    if isinstance(config, dict):
        result["config"] = _config(config, retries)
    connections = result.get("connections")
    if isinstance(connections, list):
        result["connections"] = [_connection(connection) for connection in connections]
    if retries is not None and "retryConfig" not in result and result.get("type") in _RETRIED_TYPES:
        result["retryConfig"] = retries.config_for(result)
    return result


def _config(config: JsonObject, retries: _Retries | None) -> JsonObject:
    result = dict(config)
    for name in _PATH_MAPS:
        mappings = result.get(name)
        if isinstance(mappings, dict):
            result[name] = {key: _bare_path(path) for key, path in mappings.items()}
    if "iterateOver" in result:
        result["iterateOver"] = _bare_path(result["iterateOver"])
    if "condition" in result:
        result["condition"] = _condition(result["condition"])
    escalation = result.get("escalation")
    if isinstance(escalation, list):
        result["escalation"] = [level_in_present_form(one) if isinstance(one, dict) else one for one in escalation]
    body = result.get("body")
    if isinstance(body, list):
        result["body"] = _steps(body, retries)
    return result


def _trigger(trigger: Json) -> Json:
    if not isinstance(trigger, dict):
        return trigger
    config = trigger.get("config")
    if not isinstance(config, dict):
        return trigger
    result = dict(config)
    if "condition" in result:
        result["condition"] = _condition(result["condition"])
    path = result.get("webhookPath")
    if isinstance(path, str):
        result["webhookPath"] = path.strip("/")
    return {**trigger, "config": result}


def _connection(connection: Json) -> Json:
    if not isinstance(connection, dict) or "customCondition" not in connection:
        return connection
    return {**connection, "customCondition": _condition(connection["customCondition"])}


def _condition(condition: Json) -> Json:
    if not isinstance(condition, dict):
        return condition
    result = dict(condition)
    if "field" in result:
        result["field"] = _bare_path(result["field"])
    children = result.get("children")
    if isinstance(children, list):
        result["children"] = [_condition(child) for child in children]
    return result


def _bare_path(value: Json) -> Json:
    if not isinstance(value, str):
        return value
    stripped = value.strip()
    if stripped.startswith("{{") and stripped.endswith("}}") and stripped.count("{{") == 1:
        return stripped[2:-2].strip()
    return value
