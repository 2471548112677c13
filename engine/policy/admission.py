"""Whether a bundle may come into force, judged in a child process that it may crash.

The embedded evaluator checks nothing while loading, overflows its stack on a recursive function and knows no time
limit. So a fresh process parses the bundle, refuses call cycles and functions outside of the allow-list, and evaluates
every rule on sample requests; only what survives that is admitted.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from engine.jsonvalue import Json, JsonObject
from engine.policy.builtins import ALLOWED
from engine.policy.bundle import Bundle, BundleError
from engine.policy.callgraph import calls_of, cycle_in
from engine.policy.embedded import new_engine
from engine.policy.evaluator import DECISION_RULE, read_verdict
from engine.policy.needs import needs_of

TIMEOUT_S = 20.0
_ROOT = Path(__file__).parents[2]
"""The child finds the same packages there as this process, installed or not."""
_CHILD = ("-c", "from engine.policy.admission import child_main; child_main()")
_RULE = "data." + DECISION_RULE.replace("/", ".")

SAMPLE_ACTIONS = (
    "workflow.read",
    "workflow.create",
    "workflow.publish",
    "workflow.execute",
    "execution.cancel",
    "human_task.claim",
    "audit.read",
)


async def admit(bundle: Bundle) -> None:
    """Judge a bundle.

    Raises:
        BundleError: it must not come into force; the message says why.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *_CHILD,
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    question = json.dumps(
        {
            "revision": bundle.revision,
            "roots": list(bundle.roots),
            "modules": dict(bundle.modules),
            "data": bundle.data,
        }
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer, _errors = await process.communicate(question.encode())
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise BundleError(f"The policy bundle did not finish its samples within {TIMEOUT_S:.0f} s.") from error
    if process.returncode != 0 or not answer:
        raise BundleError("The policy bundle crashed the evaluator on a sample.")
    reason = json.loads(answer)
    if reason is not None:
        raise BundleError(str(reason))


def child_main() -> None:
    """Body of the child process: the bundle comes on standard input, the reason for refusing it (or null) goes out."""
    question = json.load(sys.stdin)
    bundle = Bundle(
        revision=question["revision"],
        roots=tuple(question["roots"]),
        modules=question["modules"],
        data=question["data"],
    )
    json.dump(judge(bundle), sys.stdout)


def judge(bundle: Bundle) -> str | None:
    """Why a bundle must not come into force; None when it may. Only for a process that may crash."""
    try:
        engine = new_engine(bundle)
        calls = calls_of(json.loads(engine.get_ast_as_json()))
    except RuntimeError as error:
        return f"The policy bundle does not parse: {error}"
    cycle = cycle_in(calls.functions)
    if cycle:
        return f"The policy bundle calls itself: {' -> '.join(cycle)}."
    strange = sorted(calls.builtins - ALLOWED)
    if strange:
        return f"The policy bundle uses functions that are not allowed: {', '.join(strange)}."
    return _run_samples(bundle)


def _run_samples(bundle: Bundle) -> str | None:
    engine = new_engine(bundle)
    for request in sample_requests():
        try:
            engine.set_input_json(json.dumps(request))
            result: Json = json.loads(engine.eval_rule_as_json(_RULE))
            read_verdict(result, bundle.revision)
        except Exception as error:  # noqa: BLE001 - whatever a strange bundle provokes is the answer
            return f"The policy bundle fails on a sample: {error.__cause__ or error}."
    needs_of(bundle, engine)
    return None


def sample_requests() -> list[Mapping[str, Json]]:
    """Requests that between them reach every rule: each action by somebody, by nobody, and malformed."""
    requests: list[Mapping[str, Json]] = [{}, {"subject": None, "action": 1, "resource": [], "context": "x"}]
    casts: tuple[list[Json], ...] = (["admin"], ["editor", "unknown"], [])
    return requests + [_sample(action, roles) for action in SAMPLE_ACTIONS for roles in casts]


def _sample(action: str, roles: list[Json]) -> JsonObject:
    return {
        "subject": {
            "type": "user",
            "id": "sample",
            "properties": {
                "tenant": "default",
                "roles": roles,
                "groups": ["g"],
                "attributes": {"clearance": "internal"},
            },
        },
        "action": {"name": action, "properties": {}},
        "resource": {
            "type": action.split(".", maxsplit=1)[0],
            "id": "1",
            "properties": {
                "tenant": "default",
                "createdBy": "somebody",
                "editors": ["sample"],
                "labels": ["sample"],
                "classification": "restricted",
                "environment": "production",
                "requireSeparatePublisher": True,
                "stepTypes": ["action"],
                "actionTypes": ["api"],
                "connections": ["sample"],
                "stepCount": 3,
                "unfinishedExecutions": 1,
            },
        },
        "context": {"time": "2026-01-05T10:00:00Z", "triggerData": {"amount": 10}},
    }
