"""Typed values of a normalised document in which no fault was found.

Documents come here after the JSON Schema and the graph checks, or from the version store, which only holds such
documents. So nothing is checked a second time: a document of another shape ends in `KeyError`, `TypeError` or
`ValueError`, which is a defect of the caller and no answer to a client.
"""

from typing import cast

from engine.definitions.catalogue import ActionCatalogue, ActionEffect
from engine.definitions.conditions import Condition, parse_condition
from engine.definitions.interpolation import NO_TEMPLATE, Template, compile_template
from engine.definitions.model import (
    ActionConfig,
    CatchUp,
    ConditionConfig,
    ConditionTrigger,
    Connection,
    ConnectionCondition,
    Definition,
    DelayConfig,
    Delivery,
    ErrorHandling,
    EventTrigger,
    HumanConfig,
    Join,
    LogDetail,
    LoopConfig,
    ManualTrigger,
    OnInDoubt,
    Overlap,
    ParallelConfig,
    Priority,
    ProbeConfig,
    RetryPolicy,
    ScheduleTrigger,
    Settings,
    SignatureScheme,
    Step,
    StepConfig,
    StepType,
    SubprocessConfig,
    Trigger,
    TriggerConfig,
    TriggerType,
    WaitConfig,
    WebhookTrigger,
)
from engine.definitions.notifications import kept_for_later
from engine.definitions.paths import Path, parse_path
from engine.jsonvalue import Json, JsonObject

SHARED_CONFIG_MEMBERS = frozenset({"timeout", "inputMappings", "outputMappings"})
"""Members that the config of every step may have; they are no part of what a human task is opened with."""


def build_definition(document: JsonObject, catalogue: ActionCatalogue) -> Definition:
    """Definition of a normalised document without faults.

    An action that the catalogue does not know (a version published when it was still installed) counts as `write`, the
    careful reading; running it is the registry's to refuse.
    """
    builder = _Builder(catalogue)
    return Definition(
        name=_text(document, "name"),
        description=_text(document, "description", ""),
        version=_optional_text(document, "version"),
        is_active=document.get("isActive", True) is True,
        input_schema=_optional_object(document, "inputSchema"),
        labels=_labels(document.get("labels")),
        classification=_optional_text(document, "classification"),
        environment=_optional_text(document, "environment"),
        require_separate_publisher=document.get("requireSeparatePublisher") is True,
        triggers=tuple(_trigger(trigger) for trigger in _objects(document, "triggers")),
        steps=builder.steps(_objects(document, "steps")),
        settings=_settings(_object(document, "settings")),
    )


class _Builder:
    """Builds steps, whose actions the catalogue describes."""

    def __init__(self, catalogue: ActionCatalogue) -> None:
        self._catalogue = catalogue

    def steps(self, steps: list[JsonObject]) -> tuple[Step, ...]:
        return tuple(self._step(step) for step in steps)

    def _step(self, step: JsonObject) -> Step:
        config = _object(step, "config")
        retry = _optional_object(step, "retryConfig")
        inputs = _optional_object(config, "inputMappings")
        return Step(
            id=_text(step, "id"),
            name=_text(step, "name", _text(step, "id")),
            type=StepType(_text(step, "type")),
            config=self._config(StepType(_text(step, "type")), config),
            connections=tuple(_connection(connection) for connection in _objects(step, "connections")),
            is_enabled=step.get("isEnabled", True) is True,
            retry=None if retry is None else _retry(retry),
            join=Join(_text(step, "join", Join.ANY)),
            timeout_ms=_optional_int(config, "timeout"),
            input_mappings=None if inputs is None else _mappings(inputs),
            output_mappings=_mappings(_object(config, "outputMappings")),
        )

    def _config(self, step_type: StepType, config: JsonObject) -> StepConfig:  # noqa: PLR0911 - one per step type
        match step_type:
            case StepType.ACTION:
                return self._action(config)
            case StepType.CONDITION:
                return ConditionConfig(parse_condition(_object(config, "condition")))
            case StepType.LOOP:
                return self._loop(config)
            case StepType.PARALLEL:
                return ParallelConfig()
            case StepType.DELAY:
                until = config.get("until")
                return DelayConfig(_optional_int(config, "delayMs"), None if until is None else compile_template(until))
            case StepType.WAIT:
                return _wait(config)
            case StepType.HUMAN:
                task = {name: value for name, value in config.items() if name not in SHARED_CONFIG_MEMBERS}
                if "escalation" in task:
                    task["escalation"] = kept_for_later(task["escalation"])
                return HumanConfig(compile_template(task))
            case StepType.SUBPROCESS:
                return SubprocessConfig(_text(config, "subWorkflowId"), _optional_text(config, "version"))

    def _action(self, config: JsonObject) -> ActionConfig:
        name = _text(config, "actionType")
        entry = self._catalogue.get(name)
        return ActionConfig(
            action_type=name,
            action_config=_action_config(config),
            effect=ActionEffect.WRITE if entry is None else entry.effect,
            delivery=Delivery(_text(config, "delivery", Delivery.EFFECTIVELY_ONCE)),
            on_in_doubt=OnInDoubt(_text(config, "onInDoubt", OnInDoubt.HUMAN)),
            probe=_probe(_optional_object(config, "probe")),
        )

    def _loop(self, config: JsonObject) -> LoopConfig:
        return LoopConfig(
            iterate_over=parse_path(_text(config, "iterateOver")),
            body=self.steps(_objects(config, "body")),
            max_iterations=_int(config, "maxIterations", 1_000),
            concurrency=_int(config, "concurrency", 1),
            truncate=config.get("truncate") is True,
        )


def _action_config(config: JsonObject) -> Template:
    action_config = config.get("actionConfig")
    return NO_TEMPLATE if action_config is None else compile_template(action_config)


def _probe(probe: JsonObject | None) -> ProbeConfig | None:
    if probe is None:
        return None
    return ProbeConfig(_text(probe, "actionType"), _action_config(probe), parse_condition(_object(probe, "happened")))


def _wait(config: JsonObject) -> WaitConfig:
    correlation = _object(config, "correlation")
    return WaitConfig(
        event_type=_optional_text(config, "eventType"),
        signal=_optional_text(config, "signal"),
        correlation=tuple((parse_path(inside), parse_path(str(outside))) for inside, outside in correlation.items()),
    )


def _connection(connection: JsonObject) -> Connection:
    custom = _optional_object(connection, "customCondition")
    condition = ConnectionCondition(_text(connection, "condition", ConnectionCondition.SUCCESS))
    return Connection(
        target=_text(connection, "targetStepId"),
        condition=condition,
        custom=parse_condition(custom) if custom is not None and condition is ConnectionCondition.CUSTOM else None,
        label=_optional_text(connection, "label"),
    )


def _retry(retry: JsonObject) -> RetryPolicy:
    retry_on = retry.get("retryOn")
    return RetryPolicy(
        max_retries=_int(retry, "maxRetries", 0),
        retry_delay_ms=_int(retry, "retryDelay", 1_000),
        exponential=retry.get("exponentialBackoff", True) is True,
        max_delay_ms=_int(retry, "maxDelay", 60_000),
        jitter=retry.get("jitter", True) is True,
        retry_on=frozenset(map(str, retry_on)) if isinstance(retry_on, list) else frozenset(),
        max_elapsed_ms=_optional_int(retry, "maxElapsed"),
    )


def _trigger(trigger: JsonObject) -> Trigger:
    config = _object(trigger, "config")
    trigger_type = TriggerType(_text(trigger, "type"))
    return Trigger(
        id=_text(trigger, "id"),
        type=trigger_type,
        config=_trigger_config(trigger_type, config),
        is_enabled=trigger.get("isEnabled", True) is True,
        payload=config.get("payload"),
    )


def _trigger_config(trigger_type: TriggerType, config: JsonObject) -> TriggerConfig:
    condition = _optional_condition(config)
    match trigger_type:
        case TriggerType.MANUAL:
            return ManualTrigger()
        case TriggerType.EVENT:
            return EventTrigger(_text(config, "eventType"), condition)
        case TriggerType.SCHEDULE:
            return schedule_trigger(config)
        case TriggerType.WEBHOOK:
            scheme = SignatureScheme(_text(config, "signature", SignatureScheme.STANDARD))
            return WebhookTrigger(_text(config, "webhookPath"), scheme, condition)
        case TriggerType.CONDITION:
            return ConditionTrigger(parse_condition(_object(config, "condition")), _optional_text(config, "eventType"))


def schedule_trigger(config: JsonObject) -> ScheduleTrigger:
    """What the config of a checked schedule trigger says."""
    return ScheduleTrigger(
        cron=_text(config, "schedule"),
        timezone=_text(config, "timezone", "UTC"),
        catch_up=CatchUp(_text(config, "catchUp", CatchUp.LATEST)),
        catch_up_window_s=_int(config, "catchUpWindowSeconds", 3_600),
        overlap=Overlap(_text(config, "overlap", Overlap.SKIP)),
        jitter_ms=_int(config, "jitterMs", 0),
        drift_window_s=_optional_int(config, "driftWindowSeconds"),
    )


def _settings(settings: JsonObject) -> Settings:
    return Settings(
        timeout_ms=_optional_int(settings, "timeout"),
        error_handling=ErrorHandling(_text(settings, "errorHandling", ErrorHandling.STOP)),
        logging=LogDetail(_text(settings, "logging", LogDetail.DETAILED)),
        concurrency=_optional_int(settings, "concurrency"),
        variables=_object(settings, "variables"),
        notifications=_object(settings, "notifications"),
        priority=priority_of(settings.get("priority")),
        qos_class=_optional_text(settings, "qosClass"),
    )


def priority_of(value: Json) -> Priority:
    """Priority of its name or number, of `normal` where nothing is said.

    Raises:
        ValueError: it is neither.
    """
    if value is None:
        return Priority.NORMAL
    if isinstance(value, str) and value.upper() in Priority.__members__:
        return Priority[value.upper()]
    if isinstance(value, int) and not isinstance(value, bool):
        return Priority(value)
    raise ValueError(f"{value!r} is not a priority: use critical, high, normal, low, or 0 to 3")


def _labels(labels: Json) -> tuple[str, ...]:
    if isinstance(labels, dict):
        return tuple(f"{name}={value}" for name, value in labels.items())
    return tuple(map(str, labels)) if isinstance(labels, list) else ()


def _mappings(mappings: JsonObject) -> tuple[tuple[str, Path], ...]:
    return tuple((name, parse_path(str(path))) for name, path in mappings.items())


def _optional_condition(config: JsonObject) -> Condition | None:
    condition = _optional_object(config, "condition")
    return None if condition is None else parse_condition(condition)


def _object(parent: JsonObject, name: str) -> JsonObject:
    return _optional_object(parent, name) or {}


def _optional_object(parent: JsonObject, name: str) -> JsonObject | None:
    return cast("JsonObject | None", parent.get(name))


def _objects(parent: JsonObject, name: str) -> list[JsonObject]:
    return cast("list[JsonObject]", parent.get(name) or [])


def _text(parent: JsonObject, name: str, default: str | None = None) -> str:
    return cast("str", parent[name] if default is None else parent.get(name, default))


def _optional_text(parent: JsonObject, name: str) -> str | None:
    return cast("str | None", parent.get(name))


def _int(parent: JsonObject, name: str, default: int) -> int:
    # 60000.0 is an integer to JSON Schema, and so it is here.
    return int(cast("int | float", parent.get(name, default)))


def _optional_int(parent: JsonObject, name: str) -> int | None:
    value = parent.get(name)
    return None if value is None else int(cast("int | float", value))
