"""Policy: how long one decision takes, by the bundle and the evaluator that a process has by default."""

import time
from collections.abc import Callable, Iterator

from engine.bootstrap import BUILT_IN_POLICY
from engine.clock import SystemClock
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.policy.bundle import load_bundle
from engine.policy.embedded import EmbeddedEvaluator
from engine.policy.gate import ALL_ACTIONS, Resource
from engine.policy.requests import authzen_request
from scripts.benchmark.bench import Bench
from scripts.benchmark.figures import Figure, median_figure, percentile

TARGET_MS = 1.0
ROLES = ("admin", "approver", "editor", "operator", "service", "viewer")


async def decisions(bench: Bench) -> list[Figure]:
    """Every action by every role on a workflow with its facts; each request is new, so that none is remembered."""
    evaluator = EmbeddedEvaluator(load_bundle(BUILT_IN_POLICY), SystemClock())
    count = bench.size(5_000, 1_000)
    asked = requests()
    for _ in range(200):
        await evaluator.evaluate(next(asked))
    rounds: list[float] = []
    processor: list[float] = []
    for _ in range(bench.size(5, 3)):
        waited, spent = await _latencies(evaluator, asked, count)
        rounds.append(percentile(waited, 0.99))
        processor.append(percentile(spent, 0.99))
    note = f"embedded, {count} decisions a round, none remembered; processor time of p99 {min(processor):.2f} ms"
    return [median_figure("policy_decision_p99", rounds, "ms", target=TARGET_MS, note=note)]


def requests() -> Iterator[JsonObject]:
    """Requests without end, no two alike."""
    number = 0
    while True:
        for action in sorted(ALL_ACTIONS):
            for role in ROLES:
                number += 1
                yield _request(action, role, number)


def _request(action: str, role: str, number: int) -> JsonObject:
    actor = Actor("default", f"caller-{number % 50}", frozenset({role}), request_id=str(number))
    labels: list[Json] = ["orders", "eu"]
    facts: JsonObject = {
        "tenant": "default",
        "name": "Order",
        "status": "published",
        "labels": labels,
        "classification": "internal",
        "environment": "production",
        "createdBy": "ada",
        "editors": ["ada"],
        "stepTypes": ["action", "condition", "human"],
        "actionTypes": ["api", "transform"],
        "connections": ["shop"],
        "stepCount": 12,
    }
    resource = Resource(action.split(".", maxsplit=1)[0], f"r-{number}", facts)
    return authzen_request(actor, action, resource, {"time": "2026-11-23T12:00:00+00:00", "triggerType": "manual"})


async def _latencies(
    evaluator: EmbeddedEvaluator, asked: Iterator[JsonObject], count: int
) -> tuple[list[float], list[float]]:
    """Milliseconds of so many decisions, by the wall and of the processor."""
    waited, spent = [], []
    clocks: tuple[Callable[[], float], Callable[[], float]] = (time.perf_counter, time.thread_time)
    for _ in range(count):
        request = next(asked)
        began, worked = (clock() for clock in clocks)
        await evaluator.evaluate(request)
        waited.append((clocks[0]() - began) * 1000)
        spent.append((clocks[1]() - worked) * 1000)
    return waited, spent
