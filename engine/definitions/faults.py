"""Every fault that a definition can have: its code, what it means, and how to mend it.

`docs/fault-codes.md` is written from this module (`python -m engine.definitions.faults`).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.errors import Fault


class FaultCode(StrEnum):
    """Stable codes; a code is never given another meaning."""

    DOCUMENT_NOT_OBJECT = "document.not_object"
    DOCUMENT_TOO_DEEP = "document.too_deep"
    DOCUMENT_TOO_LARGE = "document.too_large"
    DOCUMENT_DUPLICATE_MEMBER = "document.duplicate_member"
    DOCUMENT_LONE_SURROGATE = "document.lone_surrogate"
    DOCUMENT_NUL_CHARACTER = "document.nul_character"
    DOCUMENT_NUMBER_OUT_OF_RANGE = "document.number_out_of_range"
    MEMBER_MISSING = "member.missing"
    MEMBER_UNKNOWN = "member.unknown"
    MEMBER_CONFLICT = "member.conflict"
    VALUE_WRONG_TYPE = "value.wrong_type"
    VALUE_NOT_ALLOWED = "value.not_allowed"
    VALUE_OUT_OF_RANGE = "value.out_of_range"
    VALUE_WRONG_LENGTH = "value.wrong_length"
    VALUE_WRONG_FORMAT = "value.wrong_format"
    VALUE_DUPLICATE = "value.duplicate"
    DURATION_INVALID = "duration.invalid"
    RETRY_BUDGET_INVALID = "retry.budget_invalid"
    RETRY_OUTLASTS_TIMEOUT = "retry.outlasts_timeout"
    TIMEOUT_BEYOND_WORKFLOW = "timeout.beyond_workflow"
    SCHEMA_INVALID = "schema.invalid"
    SCHEMA_REMOTE_REFERENCE = "schema.remote_reference"
    STEP_INVALID_ID = "step.invalid_id"
    STEP_DUPLICATE_ID = "step.duplicate_id"
    STEP_UNREACHABLE = "step.unreachable"
    GRAPH_NO_ENTRY = "graph.no_entry_step"
    GRAPH_CYCLE = "graph.cycle"
    CONNECTION_UNKNOWN_TARGET = "connection.unknown_target"
    CONNECTION_LEAVES_LOOP = "connection.leaves_loop"
    JOIN_NEVER_FIRES = "join.never_fires"
    ACTION_UNKNOWN = "action.unknown_type"
    ACTION_CONFIG_INVALID = "action.config_invalid"
    TEMPLATE_INVALID = "template.invalid"
    PATH_INVALID = "path.invalid"
    PATH_UNKNOWN_STEP = "path.unknown_step"
    PATH_NOT_UPSTREAM = "path.not_upstream"
    TRIGGER_DUPLICATE_ID = "trigger.duplicate_id"
    CRON_INVALID = "cron.invalid"
    CRON_NEVER_FIRES = "cron.never_fires"
    TIMEZONE_UNKNOWN = "timezone.unknown"
    WEBHOOK_DUPLICATE_PATH = "webhook.duplicate_path"
    SUBWORKFLOW_UNKNOWN = "subworkflow.unknown"
    SUBWORKFLOW_UNKNOWN_VERSION = "subworkflow.unknown_version"
    SUBWORKFLOW_RECURSION = "subworkflow.recursion"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What a code means, and the hint that goes with it where no better one is known."""

    meaning: str
    hint: str


FAULT_KINDS: Final[dict[FaultCode, FaultKind]] = {
    FaultCode.DOCUMENT_NOT_OBJECT: FaultKind(
        "The document is not a JSON object.", "Send one JSON object with at least `name` and `steps`."
    ),
    FaultCode.DOCUMENT_TOO_DEEP: FaultKind(
        "Objects and arrays are nested deeper than 64 levels.", "Flatten the value, or move a part to a sub-workflow."
    ),
    FaultCode.DOCUMENT_TOO_LARGE: FaultKind(
        "An array has more than 10,000 items, or the document more than 500,000 values.",
        "Keep data out of the definition: pass it as trigger data or fetch it in a step.",
    ),
    FaultCode.DOCUMENT_DUPLICATE_MEMBER: FaultKind(
        "An object has the same member twice, so that readers could disagree about its value.",
        "Keep one of the two members.",
    ),
    FaultCode.DOCUMENT_LONE_SURROGATE: FaultKind(
        "A string contains half of a surrogate pair, which is no character.",
        "Write the whole character, or leave it out.",
    ),
    FaultCode.DOCUMENT_NUL_CHARACTER: FaultKind(
        "A string contains the NUL character, which the database cannot hold.", "Leave the character out."
    ),
    FaultCode.DOCUMENT_NUMBER_OUT_OF_RANGE: FaultKind(
        "A number lies beyond ±(2^53 - 1), where JSON readers round differently.", "Write the number as a string."
    ),
    FaultCode.MEMBER_MISSING: FaultKind(
        "A required member is missing. The path points at the object that lacks it.", "Add the member."
    ),
    FaultCode.MEMBER_UNKNOWN: FaultKind(
        "A member is not known here. Nothing is ignored silently.", "Correct its name, or remove it."
    ),
    FaultCode.MEMBER_CONFLICT: FaultKind(
        "Members stand together that exclude each other, or none of several is there of which one is needed.",
        "Keep exactly one of them.",
    ),
    FaultCode.VALUE_WRONG_TYPE: FaultKind("A value has another JSON type than it must have.", "Change the value."),
    FaultCode.VALUE_NOT_ALLOWED: FaultKind(
        "A value is none of those that are possible here.", "Use one of the values that the message names."
    ),
    FaultCode.VALUE_OUT_OF_RANGE: FaultKind("A number is too small or too large.", "Use a number within the limits."),
    FaultCode.VALUE_WRONG_LENGTH: FaultKind(
        "A string, array or object has too few or too many characters, items or members.",
        "Bring it within the limits.",
    ),
    FaultCode.VALUE_WRONG_FORMAT: FaultKind(
        "A string does not have the form that is needed here.", "Write it in the form that the message names."
    ),
    FaultCode.VALUE_DUPLICATE: FaultKind("An array has an item twice.", "Remove the repeated item."),
    FaultCode.DURATION_INVALID: FaultKind(
        "A duration is not a whole number of milliseconds (seconds where the name says so) within its limits.",
        "Write a whole number without a unit: 30 seconds are 30000.",
    ),
    FaultCode.RETRY_BUDGET_INVALID: FaultKind(
        "The parts of a `retryConfig` contradict each other, or it would go on for longer than 30 days.",
        "Let `maxDelay` be at least `retryDelay`, and bound the whole with `maxElapsed`.",
    ),
    FaultCode.RETRY_OUTLASTS_TIMEOUT: FaultKind(
        "The waits between the retries of a step are longer in sum than its own timeout or the workflow's.",
        "Retry less often or sooner, set `maxElapsed`, or raise the timeout.",
    ),
    FaultCode.TIMEOUT_BEYOND_WORKFLOW: FaultKind(
        "A step may take longer than the whole workflow.",
        "Lower the step's time, or raise `settings.timeout`.",
    ),
    FaultCode.SCHEMA_INVALID: FaultKind(
        "A JSON Schema inside the document is not a valid one (2020-12).", "Mend the schema."
    ),
    FaultCode.SCHEMA_REMOTE_REFERENCE: FaultKind(
        "A JSON Schema inside the document refers to another document. Nothing is ever fetched.",
        "Put the referenced schema under `$defs` and refer to it by `#/$defs/...`.",
    ),
    FaultCode.STEP_INVALID_ID: FaultKind(
        "A step id is empty, longer than 200 characters, or contains a slash or a control character.",
        "Use letters, digits, hyphens and underscores.",
    ),
    FaultCode.STEP_DUPLICATE_ID: FaultKind(
        "Two steps have the same id; ids are unique in the whole document, loop bodies included.",
        "Give one of them another id and correct the connections to it.",
    ),
    FaultCode.STEP_UNREACHABLE: FaultKind(
        "No path leads from an entry step to this one, or it is connected with nothing while others are.",
        "Connect it, for instance from a parallel step at the start, or remove it.",
    ),
    FaultCode.GRAPH_NO_ENTRY: FaultKind(
        "No step can be the first: there is none, or each has an incoming connection.",
        "Let at least one step be without incoming connections.",
    ),
    FaultCode.GRAPH_CYCLE: FaultKind(
        "Connections lead back to where they started. The message names the whole cycle.",
        "Remove one of the connections, or use a loop step.",
    ),
    FaultCode.CONNECTION_UNKNOWN_TARGET: FaultKind(
        "A connection leads to a step that does not exist.", "Correct `targetStepId`, or remove the connection."
    ),
    FaultCode.CONNECTION_LEAVES_LOOP: FaultKind(
        "A connection leads into or out of the body of a loop.",
        "Connect steps of one body with each other, and the loop step with what follows it.",
    ),
    FaultCode.JOIN_NEVER_FIRES: FaultKind(
        "A step with `join: all` needs both the success and the failure branch of one step.",
        "Use `join: any`, or join only branches that can be taken together.",
    ),
    FaultCode.ACTION_UNKNOWN: FaultKind(
        "There is no action of this name in this installation.", "Use one of the actions that GET /api/actions lists."
    ),
    FaultCode.ACTION_CONFIG_INVALID: FaultKind(
        "The `actionConfig` breaks the schema of its action, or holds what the action cannot read: an expression or "
        "a schema that is none.",
        "See the schema at /api/schemas/actions/{name}.",
    ),
    FaultCode.TEMPLATE_INVALID: FaultKind(
        "A string is not a template: an open `{{`, or no path between the braces.",
        "Write {{path.in.context}}; for two literal braces write \\{{.",
    ),
    FaultCode.PATH_INVALID: FaultKind(
        "A string is not a path in the context.", "Write dotted names, array positions as numbers: items.0.name."
    ),
    FaultCode.PATH_UNKNOWN_STEP: FaultKind(
        "A path or template refers to a step that does not exist.", "Correct the step id behind `steps.`."
    ),
    FaultCode.PATH_NOT_UPSTREAM: FaultKind(
        "A path or template refers to a step that can only run after this one (or to this one itself).",
        "Refer to a step that comes before this one.",
    ),
    FaultCode.TRIGGER_DUPLICATE_ID: FaultKind("Two triggers have the same id.", "Give one of them another id."),
    FaultCode.CRON_INVALID: FaultKind(
        "A schedule is not a cron expression.",
        "Write five fields (minute hour day month weekday), six with seconds first, or @hourly to @yearly.",
    ),
    FaultCode.CRON_NEVER_FIRES: FaultKind(
        "No date fulfils the schedule.", "Choose a day that exists in the months named."
    ),
    FaultCode.TIMEZONE_UNKNOWN: FaultKind(
        "The timezone is none of the IANA database.", "Use a name such as Europe/Berlin or UTC."
    ),
    FaultCode.WEBHOOK_DUPLICATE_PATH: FaultKind(
        "Two webhook triggers of the workflow have the same path.", "Give each webhook trigger a path of its own."
    ),
    FaultCode.SUBWORKFLOW_UNKNOWN: FaultKind(
        "There is no published workflow with this id.", "Publish the sub-workflow first, or correct `subWorkflowId`."
    ),
    FaultCode.SUBWORKFLOW_UNKNOWN_VERSION: FaultKind(
        "The sub-workflow has no such version.", "Correct `version`, or leave it out for the latest."
    ),
    FaultCode.SUBWORKFLOW_RECURSION: FaultKind(
        "The workflow starts itself, directly or through other workflows. The message names the chain.",
        "Remove one of the subprocess steps of the chain.",
    ),
}


def fault(code: FaultCode, path: str, message: str, hint: str | None = None) -> Fault:
    """Fault of a code at a place, with the code's own hint unless a better one is given."""
    return Fault(code.value, path, message, FAULT_KINDS[code].hint if hint is None else hint)


def fault_codes_page() -> str:
    """The documentation page, as Markdown."""
    rows = [
        f"| `{code}` | {_cell(FAULT_KINDS[code].meaning)} | {_cell(FAULT_KINDS[code].hint)} |" for code in FaultCode
    ]
    return _PAGE_HEAD + "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


_PAGE_HEAD: Final = """# Faults of a definition

Written by `python -m engine.definitions.faults > docs/fault-codes.md`; a test holds the two together.

Create, update, publish, import and `POST /api/workflows/validate` answer all faults of a document at once, each as
`{code, path, message, hint}`. `path` is a JSON Pointer into the document as it was sent; where a member is missing it
points at the object that lacks it. `message` names the values at hand, `hint` says how to mend them.

| code | meaning | hint |
| --- | --- | --- |
"""


if __name__ == "__main__":
    print(fault_codes_page(), end="")  # noqa: T201 - the page goes to standard output
