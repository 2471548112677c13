"""Cases as files: what an execution meets, and what is expected of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from engine.actions.registry import ActionRegistry
from engine.definitions.cron import parse_cron, zone_of
from engine.definitions.model import Definition, ScheduleTrigger
from engine.definitions.paths import MISSING, lookup, parse_path
from engine.jsonvalue import Json, JsonObject
from engine.runtime.plan import compile_plan
from engine.runtime.states import StepStatus
from engine.runtime.transitions import Failure
from engine.runtime.view import StepRecord, context_of, steps_of
from scripts.workflow_tests.canned import Canned, CaseError, RefusedError, Script, Signal
from scripts.workflow_tests.desk import facts_of
from scripts.workflow_tests.play import Play

_START: Final = "2026-01-05T09:00:00+00:00"
_RAN: Final = frozenset({StepStatus.COMPLETED, StepStatus.FAILED})
_EXPECTATIONS: Final = frozenset(
    {"status", "tookMs", "path", "statuses", "attempts", "startsAtMs", "outputs", "tasks", "refused", "ticks"}
)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case; without faults it has passed. `took_ms` is the execution's own time."""

    name: str
    faults: tuple[str, ...]
    took_ms: int


def play_case(definition: Definition, case: JsonObject, actions: ActionRegistry) -> Outcome:
    """Play one case and compare it with what it expects."""
    name = str(case.get("name") or "unnamed")
    try:
        script, expected = _script(case), _expected(case)
        play = Play(compile_plan(definition), script, actions)
        faults = _played(play, expected)
        faults += tuple(_tick_faults(definition, _object(expected.get("ticks")), script.start))
    except (CaseError, ValueError) as error:
        return Outcome(name, (str(error),), 0)
    return Outcome(name, faults, _milliseconds(script.start, play.now))


def _expected(case: JsonObject) -> JsonObject:
    expected = _object(case.get("expect"))
    unknown = set(expected) - _EXPECTATIONS
    if unknown:
        raise CaseError(f"Nobody knows how to expect {', '.join(sorted(unknown))}.")
    return expected


def _played(play: Play, expected: JsonObject) -> tuple[str, ...]:
    wanted = expected.get("refused")
    try:
        play.run()
    except RefusedError as refusal:
        if wanted is None:
            raise
        return () if str(wanted) in str(refusal) else (f"refused: expected {wanted}, was {refusal}",)
    unrefused = () if wanted is None else (f"refused: expected {wanted}, was nothing",)
    return (*unrefused, *_faults(play, expected))


def _script(case: JsonObject) -> Script:
    start = datetime.fromisoformat(str(case.get("start") or _START))
    if start.tzinfo is None:
        raise CaseError("start must name its offset from UTC, as in 2026-01-05T09:00:00Z.")
    results = {
        step: tuple(_canned(one) for one in _list(given)) for step, given in _object(case.get("results")).items()
    }
    signals = tuple(
        Signal(str(one.get("name")), one.get("payload"), _number(one, "atMs"))
        for one in map(_object, _list(case.get("signals")))
    )
    return Script(start, str(case.get("startedBy") or "test"), case.get("triggerData"), results, signals)


def _canned(given: Json) -> Canned:
    result = _object(given)
    unknown = set(result) - {"output", "afterMs", "fail", "message", "retryable", "by", "startAfterMs"}
    if unknown:
        raise CaseError(f"A result has members that nobody knows: {', '.join(sorted(unknown))}.")
    code = result.get("fail")
    failure = None if code is None else Failure(str(code), str(result.get("message") or "Canned."))
    by = result.get("by")
    return Canned(
        output=result.get("output"),
        after_ms=_number(result, "afterMs"),
        failure=failure,
        is_retryable=result.get("retryable", True) is True,
        by=None if by is None else str(by),
        start_after_ms=_number(result, "startAfterMs") if "startAfterMs" in result else None,
    )


def _faults(play: Play, expected: JsonObject) -> Iterator[str]:
    records = steps_of(play.plan, play.state)
    found: JsonObject = {
        "status": play.state.status.value,
        "tookMs": _milliseconds(play.script.start, play.now),
        "path": list(_path(records)),
    }
    for member, value in found.items():
        if member in expected and expected[member] != value:
            yield f"{member}: expected {expected[member]}, was {value}"
    by_path = {record.path: record for record in records}
    for member in ("statuses", "attempts", "startsAtMs"):
        for step, wanted in _object(expected.get(member)).items():
            was = _fact(member, by_path[step], play.script.start) if step in by_path else None
            if was != wanted:
                yield f"{member} of {step}: expected {wanted}, was {was}"
    yield from _task_faults(play, _object(expected.get("tasks")))
    context = context_of(play.plan, play.state)
    for place, wanted in _object(expected.get("outputs")).items():
        there = lookup(parse_path(place), context)
        if there != wanted:
            yield f"outputs at {place}: expected {wanted}, was {'nothing' if there is MISSING else there}"


def _task_faults(play: Play, expected: JsonObject) -> Iterator[str]:
    """Of several tasks of one step, as in a loop, the last one counts."""
    held = {key.path: task for key, task in play.desk.held.items()}
    for step, wanted in expected.items():
        if step not in held:
            yield f"tasks of {step}: none was opened"
            continue
        facts = facts_of(held[step], play.script.start)
        for member, value in _object(wanted).items():
            if member not in facts:
                raise CaseError(f"Of a task nobody knows {member!r}; there are {', '.join(facts)}.")
            if facts[member] != value:
                yield f"tasks of {step}: expected {member} {value}, was {facts[member]}"


def _path(records: tuple[StepRecord, ...]) -> Iterator[str]:
    """Steps that ran, in the order in which they ended; those of loops once for each iteration."""
    ran = [one for one in records if one.status in _RAN and one.completed_at is not None]
    for one in sorted(ran, key=lambda record: str(record.completed_at)):
        yield one.path if one.iteration is None else f"{one.path}[{one.iteration}]"


def _fact(member: str, record: StepRecord, start: datetime) -> Json:
    if member == "statuses":
        return record.status.value
    if member == "attempts":
        return record.retry_count + 1
    return None if record.started_at is None else _milliseconds(start, record.started_at)


def _tick_faults(definition: Definition, expected: JsonObject, start: datetime) -> Iterator[str]:
    schedules = {one.id: one.config for one in definition.triggers if isinstance(one.config, ScheduleTrigger)}
    for trigger, wanted in expected.items():
        schedule = schedules.get(trigger)
        if schedule is None:
            yield f"ticks of {trigger}: there is no such schedule"
            continue
        instants = [datetime.fromisoformat(str(one)) for one in _list(wanted)]
        ticks = parse_cron(schedule.cron).ticks(zone_of(schedule.timezone), start)
        found = list(islice(ticks, len(instants)))
        if found != instants:
            yield f"ticks of {trigger}: expected {wanted}, was {[one.isoformat() for one in found]}"


def _milliseconds(start: datetime, end: datetime) -> int:
    return (end - start) // _MILLISECOND


def _object(value: Json) -> JsonObject:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CaseError(f"{value!r} stands where an object belongs.")
    return value


def _list(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _number(holder: JsonObject, member: str) -> int:
    value = holder.get(member, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise CaseError(f"{member} must be a whole number of milliseconds.")
    return value
