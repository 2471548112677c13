"""One suite of decisions, the same on the embedded evaluator, on the real OPA engine, and over OPA's Data API."""

import copy
from pathlib import Path

import pytest

from engine.clock import SystemClock
from engine.jsonvalue import JsonObject
from engine.policy.bundle import Bundle, load_bundle
from engine.policy.embedded import EmbeddedEvaluator
from tests.policy.cases import Case, all_cases
from tests.policy.evaluators import OracleEvaluator, opa_over_http, oracle_is_here

POLICIES = Path(__file__).parents[2] / "policies"
CASES = all_cases()

needs_oracle = pytest.mark.skipif(not oracle_is_here(), reason="the OPA engine's wheel is not in .oracle")


def bundle_with(rules: JsonObject | None) -> Bundle:
    bundle = load_bundle(POLICIES)
    data = copy.deepcopy(bundle.data)
    maestro = data["maestro"]
    assert isinstance(maestro, dict)
    present = maestro["rules"]
    assert isinstance(present, dict)
    maestro["rules"] = {**present, **(rules or {})}
    return Bundle("test", bundle.roots, bundle.modules, data)


def grouped() -> dict[str, list[Case]]:
    groups: dict[str, list[Case]] = {}
    for case in CASES:
        groups.setdefault(repr(case.rules), []).append(case)
    return groups


def test_there_are_enough_cases_and_they_cover_both_outcomes() -> None:
    assert len(CASES) >= 150
    assert {bool(case.codes) for case in CASES} == {True, False}


@pytest.mark.parametrize("group", grouped().values(), ids=lambda group: group[0].name)
async def test_the_embedded_evaluator_decides_as_written(group: list[Case]) -> None:
    evaluator = EmbeddedEvaluator(bundle_with(group[0].rules), SystemClock())
    for case in group:
        verdict = await evaluator.evaluate(case.request)
        assert tuple(sorted({denial.code for denial in verdict.denials})) == case.codes, case.name
        assert verdict.allow is (not case.codes), case.name


@needs_oracle
@pytest.mark.parametrize("group", grouped().values(), ids=lambda group: group[0].name)
async def test_opa_gives_the_same_whole_verdict(group: list[Case]) -> None:
    bundle = bundle_with(group[0].rules)
    embedded = EmbeddedEvaluator(bundle, SystemClock())
    oracle = OracleEvaluator(bundle)
    for case in group:
        assert await oracle.evaluate(case.request) == await embedded.evaluate(case.request), case.name


@needs_oracle
async def test_the_data_api_adapter_gives_the_same_verdict() -> None:
    bundle = bundle_with(None)
    embedded = EmbeddedEvaluator(bundle, SystemClock())
    async with opa_over_http(OracleEvaluator(bundle)) as remote:
        for case in [case for case in CASES if case.rules is None][::7]:
            over_http = await remote.evaluate(case.request)
            here = await embedded.evaluate(case.request)
            assert (over_http.allow, over_http.denials, over_http.obligations) == (
                here.allow,
                here.denials,
                here.obligations,
            ), case.name


async def test_lists_are_told_what_a_read_would_refuse() -> None:
    evaluator = EmbeddedEvaluator(bundle_with(None), SystemClock())
    readers = {case.name: case.request for case in CASES}
    viewer = await evaluator.evaluate(readers["viewer workflow.read"])
    admin = await evaluator.evaluate(readers["admin workflow.read"])
    hidden: JsonObject = {
        "type": "exclude",
        "attribute": "classification",
        "values": ["restricted"],
        "unlessCreatedBy": "ada",
    }
    assert viewer.obligations == (hidden,)
    assert admin.obligations == ()
    for noun in ("human_task", "schedule", "dead_letter", "webhook_delivery", "analytics"):
        assert (await evaluator.evaluate(readers[f"viewer {noun}.read"])).obligations == (hidden,), noun
