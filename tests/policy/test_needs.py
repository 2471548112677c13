"""What a bundle looks at: declared, or found; what it does not look at is not handed to it, and may be remembered."""

from pathlib import Path
from time import thread_time

import pytest

from engine.clock import SystemClock
from engine.jsonvalue import Json, JsonObject
from engine.policy.bundle import Bundle
from engine.policy.embedded import REMEMBERED, EmbeddedEvaluator, new_engine
from engine.policy.needs import EVERYTHING, PER_CALL, needs_of
from tests.policy.cases import all_cases, request
from tests.policy.test_conformance import bundle_with

POLICIES = Path(__file__).parents[2] / "policies"
NOBODY_MAY = 'decision := {"allow": false, "denials": [], "obligations": []}\n'


def needs(bundle: Bundle) -> frozenset[str]:
    return needs_of(bundle, new_engine(bundle))


def bundle_of(authz: str, **others: str) -> Bundle:
    modules = {"authz.rego": f"package maestro.authz\n{authz}"}
    return Bundle("r", ("maestro",), {**modules, **{f"{name}.rego": text for name, text in others.items()}}, {})


def counted(evaluator: EmbeddedEvaluator, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is really evaluated from now on."""
    runs: list[str] = []
    run = evaluator._run

    def counting(bundle: Bundle, text: str) -> Json:
        runs.append(text)
        return run(bundle, text)

    monkeypatch.setattr(evaluator, "_run", counting)
    return runs


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, set()),
        ({"windows": [{"name": "freeze"}]}, {"time"}),
        ({"budgets": {"*": {"triggerData": [{"field": "amount", "atMost": 1}]}}}, {"triggerData"}),
        ({"budgets": {"*": {"triggerData": []}}}, set()),
        ({"budgets": {"acme": {"unfinishedExecutions": 3}}}, {"unfinishedExecutions"}),
    ],
)
def test_the_built_in_bundle_needs_what_its_data_asks_for(rules: JsonObject, expected: set[str]) -> None:
    assert needs(bundle_with(rules)) == expected


def test_a_bundle_that_does_not_say_needs_everything() -> None:
    assert needs(bundle_of(NOBODY_MAY)) == EVERYTHING


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("late if input.context.time", {"time"}),
        ("large if input.context.triggerData.amount > 3", {"triggerData"}),
        ("here if input.context.source", {"source"}),
        ("busy if input.resource.properties.unfinishedExecutions > 3", {"unfinishedExecutions"}),
        ('any_of if input["context"].time', set(PER_CALL)),
        ("any_of if input.context[_]", set(PER_CALL)),
        ("all_of := input.context", set(PER_CALL)),
        ('all_of := object.get(input, "context", {})', set(PER_CALL)),
        ("fine if is_object(input.context)", set()),
        ("fine if input.context.payload", set()),
        ("fine if input.subject.id == input.resource.id", set()),
        ('needs contains "time"\nlate if input.context.time', set()),
    ],
)
def test_who_looks_without_saying_so_is_found(text: str, found: set[str]) -> None:
    said_nothing = "needs := set()\n"
    assert needs(bundle_of(said_nothing + NOBODY_MAY, other=f"package maestro.other\n{text}\n")) == found


async def test_what_is_asked_again_is_remembered_until_the_bundle_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator = EmbeddedEvaluator(bundle_with(None), SystemClock())
    runs = counted(evaluator, monkeypatch)
    first, again, other = (
        request("workflow.execute", "editor", context={"time": f"2026-01-0{day}T00:00:00Z", "requestId": str(day)})
        for day in (1, 2, 3)
    )
    other["subject"] = {**other["subject"], "id": "bob"}  # type: ignore[dict-item]  # an object in these requests

    verdicts = [await evaluator.evaluate(asked) for asked in (first, again, other)]
    assert len(runs) == 2
    assert verdicts[0] is verdicts[1]

    strict = bundle_with({"roles": {}})
    evaluator.replace(Bundle("stricter", strict.roots, strict.modules, strict.data))
    assert (await evaluator.evaluate(first)).allow is False
    assert (await evaluator.evaluate(first)).revision == "stricter"


async def test_nothing_is_remembered_where_decisions_rest_on_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    window: JsonObject = {"name": "n", "actions": [], "days": [], "fromMinute": 0, "untilMinute": 1, "timezone": "UTC"}
    evaluator = EmbeddedEvaluator(bundle_with({"windows": [window]}), SystemClock())
    runs = counted(evaluator, monkeypatch)
    for _ in range(3):
        await evaluator.evaluate(request("workflow.execute", "editor"))
    assert len(runs) == 3
    assert '"time"' in runs[0]
    assert "requestId" not in runs[0]


async def test_memory_is_bounded() -> None:
    evaluator = EmbeddedEvaluator(bundle_with(None), SystemClock())
    for number in range(REMEMBERED + 10):
        evaluator._loaded.remember(str(number).encode(), None)  # type: ignore[arg-type]  # only the count matters
    assert len(evaluator._loaded.verdicts) == REMEMBERED
    await evaluator.evaluate(request("workflow.read", "viewer"))
    long = request("workflow.read", "viewer", properties={"labels": ["x" * 9_000]})
    await evaluator.evaluate(long)
    assert all(len(asked) < 9_000 for asked in evaluator._loaded.verdicts)


async def test_a_decision_takes_less_than_a_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    """p99 of evaluations that were never asked before, and of those that were, in processor time of this thread."""
    evaluator = EmbeddedEvaluator(bundle_with(None), SystemClock())
    asked = [case.request for case in all_cases() if case.rules is None]
    for one in asked:
        await evaluator.evaluate(one)

    async def p99(rounds: int) -> float:
        taken = []
        for index in range(rounds):
            started = thread_time()
            await evaluator.evaluate(asked[index % len(asked)])
            taken.append(thread_time() - started)
        return sorted(taken)[int(rounds * 0.99)]

    remembered = await p99(2_000)
    monkeypatch.setattr(type(evaluator._loaded), "recall", lambda *_: None)
    evaluated = await p99(2_000)
    assert evaluated <= 0.001
    assert remembered <= 0.000_2
