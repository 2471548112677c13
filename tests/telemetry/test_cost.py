"""What spans cost a step when nobody collects them: nothing. Seen by the calls that are made, not by a clock."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Any
from uuid import UUID, uuid4

import pytest
from opentelemetry.trace import SpanContext

from engine.actions.registry import ActionRegistry, inline_actions
from engine.clock import SystemClock
from engine.definitions.building import build_definition
from engine.ids import uuid7
from engine.runtime.events import Started
from engine.runtime.plan import compile_plan
from engine.runtime.state import ExecutionHeader, ExecutionState
from engine.runtime.states import ExecutionStatus
from engine.store.checkpoints import Commit
from engine.store.claims import Claimed
from engine.telemetry import tracing
from tests.telemetry.test_tracing import UNSAMPLED, Spans
from tests.workers.seeding import step
from workers.config import WorkerConfig
from workers.held import Held
from workers.runner import Runner
from workers.tracing import begin
from workers.writer import Done, Fate

STEPS = 10
OF_SPANS = ("opentelemetry", "telemetry/tracing.py", "workers/tracing.py")


class InstantWriter:
    """Says of every commit that it is durable, when it is asked to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Commit, Done]] = []

    def submit(self, commit: Commit, done: Done, context: SpanContext | None = None) -> None:  # noqa: ARG002
        self.waiting.append((commit, done))

    def write_all(self) -> None:
        while self.waiting:
            _, done = self.waiting.pop()
            done(Fate.WRITTEN)


class Trusted:
    """A lease that never ends."""

    def is_trusted(self) -> bool:
        return True


def new_id() -> UUID:
    return uuid7(datetime.now(UTC), os.urandom(10))


def held_execution(traceparent: str | None) -> tuple[Held, Callable[[], None]]:
    """An execution of ten steps in a row in a worker's hands, and what runs it to its end."""
    registry, writer = ActionRegistry(inline_actions()), InstantWriter()
    steps: list[Any] = [step(f"s{n}", [f"s{n + 1}"] if n + 1 < STEPS else []) for n in range(STEPS)]
    plan = compile_plan(build_definition({"name": "ten", "steps": steps}, registry.catalogue()))
    config = WorkerConfig()
    runner = Runner(
        registry=registry,
        writer=writer,  # type: ignore[arg-type]  # stands in for it
        lease=Trusted(),  # type: ignore[arg-type]  # likewise
        clock=SystemClock(),
        config=config,
        draw=lambda: 0.5,
        new_id=new_id,
    )
    claimed = claimed_execution(traceparent)
    header = ExecutionHeader(claimed.id, "acme", claimed.workflow_id, "1.0.0", "manual", {}, "ada", claimed.started_at)
    held = Held(claimed, plan, ExecutionState.new(header), claimed.started_at)

    def run() -> None:
        runner.begin(held, [Started()], ())
        writer.write_all()

    return held, run


def claimed_execution(traceparent: str | None) -> Claimed:
    now = datetime.now(UTC)
    return Claimed(
        tenant="acme",
        id=new_id(),
        epoch=1,
        workflow_id=uuid4(),
        workflow_version="1.0.0",
        content_hash="sha256:0",
        status=ExecutionStatus.RUNNING,
        trigger_type="manual",
        trigger_data={},
        priority=2,
        qos_class="standard",
        started_by="ada",
        created_at=now,
        started_at=now,
        last_seq=0,
        deliveries=1,
        parent=None,
        depth=0,
        traceparent=traceparent,
        has_mail=False,
        rescued=False,
    )


@contextmanager
def counting(found: Counter[str]) -> Iterator[None]:
    """Count calls of functions that have to do with spans."""

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and any(part in frame.f_code.co_filename for part in OF_SPANS):
            found[frame.f_code.co_qualname] += 1

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


def test_without_an_exporter_a_step_makes_no_call_for_spans() -> None:
    held, run = held_execution(None)
    calls: Counter[str] = Counter()

    with counting(calls):
        run()

    assert held.state.status is ExecutionStatus.COMPLETED
    assert dict(calls) == {}


@pytest.fixture
def spans() -> Iterator[Spans]:
    found = Spans()
    tracing.install(found.providers.tracers("test", 10.0))
    yield found
    tracing.install(None)
    found.providers.close()


def test_of_an_unsampled_trace_a_step_that_went_well_records_nothing(spans: Spans) -> None:
    held, run = held_execution(UNSAMPLED)
    held.trace = begin(held.claimed, (), "bell", 0, held.latest)
    calls: Counter[str] = Counter()

    with counting(calls):
        run()

    assert held.state.status is ExecutionStatus.COMPLETED
    assert spans.all == ()
    assert [name for name in calls if "start_span" in name] == []


def test_spans_that_cannot_be_recorded_do_not_stop_the_work(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    held, run = held_execution(UNSAMPLED[:-1] + "1")
    held.trace = begin(held.claimed, (), "bell", 0, held.latest)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("engine.telemetry.tracing.record", broken)
    run()

    assert held.state.status is ExecutionStatus.COMPLETED
    monkeypatch.setattr("engine.telemetry.tracing.begin", broken)
    assert begin(held.claimed, (), "bell", 0, held.latest) is None
    assert spans.all == ()


def test_of_a_sampled_trace_each_step_and_each_attempt_has_one_span(spans: Spans) -> None:
    sampled = UNSAMPLED[:-1] + "1"
    held, run = held_execution(sampled)
    held.trace = begin(held.claimed, (), "bell", 0, held.latest)

    run()

    assert Counter(spans.names) == {"step action": STEPS, "attempt noop": STEPS, "execution": 1}
    by_id = {span.get_span_context().span_id: span for span in spans.all}  # type: ignore[union-attr]  # they have one
    attempts = [span for span in spans.all if span.name == "attempt noop"]
    above = [by_id[span.parent.span_id] for span in attempts if span.parent is not None]
    paths = [(span.attributes or {})["maestro.step.path"] for span in (*attempts, *above)]
    assert paths[:STEPS] == paths[STEPS:] == [f"s{n}" for n in range(STEPS)]
