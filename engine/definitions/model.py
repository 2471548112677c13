"""A definition as typed, frozen values: `check` makes them of a document, the runtime compiles its plan from them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TypeAlias

from engine.definitions.catalogue import ActionEffect
from engine.definitions.conditions import Condition
from engine.definitions.interpolation import Template
from engine.definitions.paths import Path
from engine.jsonvalue import Json, JsonObject


class StepType(StrEnum):
    """The eight kinds of step."""

    ACTION = "action"
    CONDITION = "condition"
    LOOP = "loop"
    PARALLEL = "parallel"
    DELAY = "delay"
    WAIT = "wait"
    HUMAN = "human"
    SUBPROCESS = "subprocess"


class TriggerType(StrEnum):
    """What starts an execution."""

    MANUAL = "manual"
    EVENT = "event"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"
    CONDITION = "condition"


class ConnectionCondition(StrEnum):
    """When a connection is taken. From a condition step, success is the true branch and failure the false one."""

    SUCCESS = "success"
    FAILURE = "failure"
    ALWAYS = "always"
    CUSTOM = "custom"


class Join(StrEnum):
    """What a step with several incoming connections asks for once all of them are decided: one taken, or every one."""

    ANY = "any"
    ALL = "all"


class Delivery(StrEnum):
    """What a crash between an intent and its outcome may lead to."""

    EFFECTIVELY_ONCE = "effectively_once"
    AT_MOST_ONCE = "at_most_once"


class OnInDoubt(StrEnum):
    """Who decides an `at_most_once` attempt whose outcome a crash left unknown."""

    FAIL = "fail"
    RETRY = "retry"
    HUMAN = "human"


class ErrorHandling(StrEnum):
    """What an unhandled failure does. `retry` of older documents is `stop` plus retries on the steps."""

    STOP = "stop"
    CONTINUE = "continue"


class LogDetail(StrEnum):
    """How much an execution writes into its log."""

    MINIMAL = "minimal"
    DETAILED = "detailed"
    DEBUG = "debug"


class Priority(IntEnum):
    """Order in which queued executions are taken; stored as its number, written as its lower-case name."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


class CatchUp(StrEnum):
    """Which missed ticks of a schedule are made up for."""

    SKIP = "skip"
    LATEST = "latest"
    ALL = "all"


class Overlap(StrEnum):
    """What a tick does while the execution of an earlier one still runs."""

    ALLOW = "allow"
    SKIP = "skip"
    BUFFER = "buffer"
    CANCEL_OTHER = "cancel_other"


class SignatureScheme(StrEnum):
    """How deliveries to a webhook are signed."""

    STANDARD = "standard"
    GITHUB = "github"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed attempt is made again.

    Attributes:
        max_retries: attempts after the first.
        jitter: True: the wait is drawn evenly between 0 and the computed delay.
        retry_on: failure codes (`http.404`), or HTTP statuses as decimal strings (`404`), that are retried although
            the action says they are final; empty: the action decides alone.
        max_elapsed_ms: no attempt starts later than this after the first one; None: no such limit.
    """

    max_retries: int = 0
    retry_delay_ms: int = 1_000
    exponential: bool = True
    max_delay_ms: int = 60_000
    jitter: bool = True
    retry_on: frozenset[str] = frozenset()
    max_elapsed_ms: int | None = None

    def longest_wait_ms(self) -> int:
        """Sum of the waits between attempts when jitter draws the longest each time."""
        total = 0
        delay = self.retry_delay_ms
        for done in range(self.max_retries):
            if self.exponential and delay >= self.max_delay_ms:
                total += self.max_delay_ms * (self.max_retries - done)
                break
            total += min(delay, self.max_delay_ms)
            delay = delay * 2 if self.exponential else delay
        return total if self.max_elapsed_ms is None else min(total, self.max_elapsed_ms)


@dataclass(frozen=True, slots=True)
class Connection:
    """An edge to another step of the same graph. `custom` is set exactly when the condition is `custom`."""

    target: str
    condition: ConnectionCondition = ConnectionCondition.SUCCESS
    custom: Condition | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class ProbeConfig:
    """A read-only action that tells whether the effect of an in-doubt attempt happened.

    Attributes:
        happened: evaluated against `{"probe": <the probe's output>}` beside the ordinary context.
    """

    action_type: str
    action_config: Template
    happened: Condition


@dataclass(frozen=True, slots=True)
class ActionConfig:
    """Config of an action step; `effect` is what the catalogue declares for its action."""

    action_type: str
    action_config: Template
    effect: ActionEffect
    delivery: Delivery = Delivery.EFFECTIVELY_ONCE
    on_in_doubt: OnInDoubt = OnInDoubt.HUMAN
    probe: ProbeConfig | None = None


@dataclass(frozen=True, slots=True)
class ConditionConfig:
    """Config of a condition step."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """Config of a loop step; connections of `body` stay inside it.

    Attributes:
        truncate: True: takes the first `max_iterations` items where there are more, instead of failing.
        concurrency: iterations that may run at once; 1: one after another.
    """

    iterate_over: Path
    body: tuple["Step", ...]
    max_iterations: int = 1_000
    concurrency: int = 1
    truncate: bool = False


@dataclass(frozen=True, slots=True)
class ParallelConfig:
    """Config of a parallel step: it only fans out over its connections."""


@dataclass(frozen=True, slots=True)
class DelayConfig:
    """Config of a delay step: exactly one is set. `until` renders to an RFC 3339 instant."""

    delay_ms: int | None = None
    until: Template | None = None


@dataclass(frozen=True, slots=True)
class WaitConfig:
    """Config of a wait step: exactly one of `event_type` and `signal` is set.

    Attributes:
        correlation: (path in the event's payload, path in the context): both must hold the same value.
    """

    event_type: str | None = None
    signal: str | None = None
    correlation: tuple[tuple[Path, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class HumanConfig:
    """Config of a human step: `task` renders to the JSON object that the task is opened with."""

    task: Template


@dataclass(frozen=True, slots=True)
class SubprocessConfig:
    """Config of a subprocess step. `version` None: the latest published one when the step starts."""

    workflow_id: str
    version: str | None = None


StepConfig: TypeAlias = (
    ActionConfig
    | ConditionConfig
    | LoopConfig
    | ParallelConfig
    | DelayConfig
    | WaitConfig
    | HumanConfig
    | SubprocessConfig
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a graph.

    Attributes:
        retry: None: one attempt.
        timeout_ms: as the document says; None: not said.
        input_mappings: None: the step gets all of the context.
        output_mappings: (context key, path in the output).
    """

    id: str
    name: str
    type: StepType
    config: StepConfig
    connections: tuple[Connection, ...] = ()
    is_enabled: bool = True
    retry: RetryPolicy | None = None
    join: Join = Join.ANY
    timeout_ms: int | None = None
    input_mappings: tuple[tuple[str, Path], ...] | None = None
    output_mappings: tuple[tuple[str, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class ManualTrigger:
    """Started by a person or a client."""


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """Started by an event of a type; with a condition, only when it holds for `{"triggerData": payload}`."""

    event_type: str
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class ScheduleTrigger:
    """Started by the clock."""

    cron: str
    timezone: str = "UTC"
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window_s: int = 3_600
    overlap: Overlap = Overlap.SKIP
    jitter_ms: int = 0
    drift_window_s: int | None = None


@dataclass(frozen=True, slots=True)
class WebhookTrigger:
    """Started by a signed delivery to a path of its own within the workflow."""

    path: str
    signature: SignatureScheme = SignatureScheme.STANDARD
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class ConditionTrigger:
    """Started by any event (or events of one type) for which the condition holds."""

    condition: Condition
    event_type: str | None = None


TriggerConfig: TypeAlias = ManualTrigger | EventTrigger | ScheduleTrigger | WebhookTrigger | ConditionTrigger


@dataclass(frozen=True, slots=True)
class Trigger:
    """What may start the workflow; `payload` is trigger data that stands beneath what the trigger itself brings."""

    id: str
    type: TriggerType
    config: TriggerConfig
    is_enabled: bool = True
    payload: Json = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the workflow as a whole.

    Attributes:
        concurrency: executions of this workflow that may run at once; None: no limit of its own.
        timeout_ms: of the whole execution, waits and people included; None: none.
    """

    timeout_ms: int | None = None
    error_handling: ErrorHandling = ErrorHandling.STOP
    logging: LogDetail = LogDetail.DETAILED
    concurrency: int | None = None
    variables: JsonObject = field(default_factory=dict)
    notifications: JsonObject = field(default_factory=dict)
    priority: Priority = Priority.NORMAL
    qos_class: str | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole document without faults."""

    name: str
    steps: tuple[Step, ...]
    description: str = ""
    version: str | None = None
    is_active: bool = True
    input_schema: JsonObject | None = None
    labels: tuple[str, ...] = ()
    classification: str | None = None
    environment: str | None = None
    require_separate_publisher: bool = False
    triggers: tuple[Trigger, ...] = ()
    settings: Settings = Settings()

    def all_steps(self) -> Iterator[Step]:
        """Every step, those in the bodies of loops after their loop."""
        yield from _flattened(self.steps)


def _flattened(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        if isinstance(step.config, LoopConfig):
            yield from _flattened(step.config.body)
