"""A real Prometheus beside the real product: panels show something, and an alert fires and ends with its fault."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from scripts.benchmark.stack import Shape, Stack, running_stack
from scripts.embedded.ports import LOOPBACK, free_port
from scripts.observability.burn import Pace
from scripts.observability.files import rules_file
from tests.observability.binaries import find
from tests.observability.prometheus import Prometheus, running_prometheus
from tests.observability.promql import filled_in
from tests.observability.rulebook import RULES
from tests.observability.scene import Player, receiver
from tests.observability.test_dashboards import BOARDS, panels
from tests.observability.test_runbooks import PAGES, queries

pytestmark = [pytest.mark.processes, pytest.mark.server]
# An hour is twenty-four seconds: the rules are made by the same generator as those in production.
PACE: Final = Pace(divisor=150, resolution_ms=500)
SCRAPE: Final = "500ms"
_RATE: Final = "15s"


@dataclass(frozen=True, slots=True)
class Scene:
    stack: Stack
    prometheus: Prometheus


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    find("prometheus")
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        called = undo.enter_context(receiver())
        metrics = free_port()
        environment = {"MAESTRO_METRICS_PORT": str(metrics), "MAESTRO_OUTBOUND_ALLOW": LOOPBACK}
        stack = undo.enter_context(running_stack(Shape(environment=environment)))
        ledger = int(stack.environment["MAESTRO_LEDGER_PORT"])
        jobs = {"maestro-api": stack.ports, "maestro-worker": [metrics], "maestro-ledger": [ledger]}
        rules = {"slo.yaml": rules_file(PACE), "alerts.yaml": (RULES / "alerts.yaml").read_text()}
        prometheus = undo.enter_context(running_prometheus(folder, jobs, rules, SCRAPE))
        prometheus.wait(lambda: "all jobs are seen", 20, lambda: len(prometheus.query("up == 1")) == len(jobs))
        player = Player(stack, called)
        undo.callback(player.close)
        player.play()
        prometheus.wait(lambda: "a task waits for people", 15, player.work_on_a_task)
        yield Scene(stack, prometheus)


def _shows(prometheus: Prometheus, expression: str) -> bool:
    return any(not math.isnan(value) for _, value in prometheus.query(filled_in(expression, __rate_interval=_RATE)))


def test_every_panel_shows_something(scene: Scene) -> None:
    empty = {
        (name, target["expr"])
        for name, board in BOARDS.items()
        for panel in panels(board)
        for target in panel["targets"]
    }

    def all_shown() -> bool:
        empty.difference_update([each for each in empty if _shows(scene.prometheus, each[1])])
        return not empty

    scene.prometheus.wait(lambda: f"these have data: {sorted(empty)}", 20, all_shown)


def test_every_query_of_a_runbook_is_answered(scene: Scene) -> None:
    for page in PAGES:
        for query in queries(page):
            scene.prometheus.query(query)


def test_every_job_is_seen_and_nothing_is_wrong(scene: Scene) -> None:
    assert {labels["job"]: value for labels, value in scene.prometheus.query("sum by (job) (up)")} == {
        "maestro-api": 1,
        "maestro-worker": 1,
        "maestro-ledger": 1,
    }


def test_the_alert_for_enqueue_errors_fires_with_its_fault_and_ends_after_it(scene: Scene) -> None:
    prometheus = scene.prometheus
    assert prometheus.firing("EnqueueErrors") == set()

    scene.stack.postgres.kill()
    prometheus.wait(lambda: "EnqueueErrors fires", 20, lambda: "page" in prometheus.firing("EnqueueErrors"))
    scene.stack.postgres.start()
    prometheus.wait(lambda: "EnqueueErrors ends", 30, lambda: "page" not in prometheus.firing("EnqueueErrors"))
