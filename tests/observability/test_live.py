"""A real Prometheus beside the real product: panels show something, and an alert fires and ends with its fault."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from scripts.benchmark.stack import Shape, Stack, running_stack
from scripts.embedded.ports import LOOPBACK, free_port
from scripts.observability.burn import Pace
from scripts.observability.files import ROOT, rules_file
from tests.observability.binaries import find
from tests.observability.faults import locked_executions, stopped_again_and_again
from tests.observability.prometheus import Prometheus, running_prometheus
from tests.observability.promql import filled_in
from tests.observability.rulebook import RULES
from tests.observability.scene import Player, Receiver, receiver
from tests.observability.test_dashboards import BOARDS, panels
from tests.observability.test_runbooks import PAGES, queries

pytestmark = [pytest.mark.processes, pytest.mark.server]
# An hour is twenty-four seconds: the rules are made by the same generator as those in production.
PACE: Final = Pace(divisor=150, resolution_ms=500)
SCRAPE: Final = "500ms"
_RATE: Final = "15s"
AT_ONCE: Final = 40
_MOVES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# One picture of load that both processes gave: it may come in pieces, and the next one is no part of it.
_REST: Final = r"(?:(?!Throughput).)*"
_A_PICTURE: Final = re.compile(
    rf"accepted\s+[1-9][\d.]*/s{_REST}Queue{_REST}Running{_REST}processes\s+2\s{_REST}Failures{_REST}leases lost",
    re.DOTALL,
)
_PATIENCE_S: Final = 60
_TERMINAL: Final = {"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Scene:
    stack: Stack
    prometheus: Prometheus
    called: Receiver
    player: Player


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
        prometheus.wait(lambda: "all jobs are seen", _PATIENCE_S, lambda: len(prometheus.query("up == 1")) == len(jobs))
        player = Player(stack, called.server_port)
        undo.callback(player.close)
        player.play()
        prometheus.wait(lambda: "a task waits for people", _PATIENCE_S, player.work_on_a_task)
        yield Scene(stack, prometheus, called, player)


def test_every_panel_shows_something(scene: Scene) -> None:
    empty = {
        (name, target["expr"])
        for name, board in BOARDS.items()
        for panel in panels(board)
        for target in panel["targets"]
    }

    def all_shown() -> bool:
        empty.difference_update(
            [each for each in empty if scene.prometheus.shows(filled_in(each[1], __rate_interval=_RATE), 30)]
        )
        return not empty

    scene.prometheus.wait(lambda: f"these have data: {sorted(empty)}", _PATIENCE_S, all_shown)


def test_every_query_of_a_runbook_is_answered(scene: Scene) -> None:
    for page in PAGES:
        for query in queries(page):
            scene.prometheus.query(query)


def test_every_job_is_seen_and_nothing_is_wrong(scene: Scene) -> None:
    assert {
        labels["job"]: value for labels, value in scene.prometheus.query("sum by (job) (max_over_time(up[15s]))")
    } == {
        "maestro-api": 1,
        "maestro-worker": 1,
        "maestro-ledger": 1,
    }


def _until_it_shows(terminal: int, wanted: re.Pattern[str]) -> None:
    """Read a terminal until it shows all that is wanted, colours and movements left out."""
    shown, deadline = b"", time.monotonic() + _PATIENCE_S
    while not wanted.search(text := _MOVES.sub("", shown.decode(errors="replace"))):
        assert select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0], text
        shown += os.read(terminal, 65_536)


def _drain(terminal: int) -> None:
    """Read a terminal until its other side is closed."""
    with contextlib.suppress(OSError):  # that is how a terminal ends
        while True:
            assert select.select([terminal], [], [], _PATIENCE_S)[0], "it goes on silently"
            os.read(terminal, 65_536)


def test_top_shows_the_load_in_a_terminal_until_ctrl_c(scene: Scene) -> None:
    ports = (scene.stack.port, int(scene.stack.environment["MAESTRO_METRICS_PORT"]))
    addresses = [part for port in ports for part in ("--url", f"http://{LOOPBACK}:{port}/metrics")]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 0, 0))
    command = [str(Path(sys.executable).with_name("maestro")), "top", "--every", "0.5", *addresses]
    with subprocess.Popen(command, cwd=ROOT, env=_TERMINAL, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        _until_it_shows(ours, _A_PICTURE)
        process.send_signal(signal.SIGINT)
        _drain(ours)
        assert process.wait(_PATIENCE_S) == 0


def test_what_makes_the_product_slow_or_its_steps_fail_makes_the_alerts_about_it_true(scene: Scene) -> None:
    prometheus, [worker] = scene.prometheus, scene.stack.workers
    promised = {(name, "page") for name in ("EnqueueSlow", "StartsDelayed", "StepsFailing")}
    # These look back five minutes, so that on a machine with too much to do they may be true already, and rightly.
    wanted = promised | {(name, "ticket") for name in ("CommitsSlow", "EventLoopBlocked")}
    assert worker.pid is not None
    # A machine that is too slow to keep its promises makes them true by itself: then nothing becomes true below.
    deadline = time.monotonic() + _PATIENCE_S
    while prometheus.active() & promised and time.monotonic() < deadline:
        time.sleep(0.1)

    def all_true() -> bool:
        scene.player.start_at_once(AT_ONCE)
        return wanted <= prometheus.active()

    with locked_executions(scene.stack), stopped_again_and_again(worker.pid), scene.called.failing():
        prometheus.wait(lambda: f"true: {sorted(wanted - prometheus.active())}", 3 * _PATIENCE_S, all_true)


def test_the_alert_for_enqueue_errors_fires_with_its_fault_and_ends_after_it(scene: Scene) -> None:
    prometheus = scene.prometheus
    prometheus.wait(lambda: "nothing fires", 4 * _PATIENCE_S, lambda: "page" not in prometheus.firing("EnqueueErrors"))

    scene.stack.postgres.kill()
    prometheus.wait(
        lambda: "EnqueueErrors fires", 2 * _PATIENCE_S, lambda: "page" in prometheus.firing("EnqueueErrors")
    )
    scene.stack.postgres.start()
    prometheus.wait(
        lambda: "EnqueueErrors ends", 2 * _PATIENCE_S, lambda: "page" not in prometheus.firing("EnqueueErrors")
    )
