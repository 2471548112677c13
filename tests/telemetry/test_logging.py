import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from engine.telemetry.logging import JsonFormatter, log_fields

EXECUTION = UUID("01997b6e-0000-7000-8000-000000000001")


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(stream: io.StringIO) -> Iterator[logging.Logger]:
    logger = logging.getLogger("tests.telemetry")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("worker"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield logger
    logger.removeHandler(handler)


def test_a_line_carries_sentence_and_fields(logger: logging.Logger, stream: io.StringIO) -> None:
    with log_fields(execution_id=str(EXECUTION), step_id="notify", attempt=1):
        logger.info("Step %s failed.", "notify", extra={"action": "step.failed", "attempt": 2})
    line = json.loads(stream.getvalue())
    assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    assert line == {
        "level": "info",
        "logger": "tests.telemetry",
        "process": "worker",
        "message": "Step notify failed.",
        "execution_id": str(EXECUTION),
        "step_id": "notify",
        "attempt": 2,
        "action": "step.failed",
    }


def test_fields_end_with_their_block(logger: logging.Logger, stream: io.StringIO) -> None:
    with log_fields(execution_id="a"), log_fields(step_id="b"):
        pass
    logger.info("After.")
    line = json.loads(stream.getvalue())
    assert "execution_id" not in line
    assert "step_id" not in line


async def test_fields_of_one_task_do_not_reach_another(logger: logging.Logger, stream: io.StringIO) -> None:
    async def work(name: str, turn: asyncio.Event, done: asyncio.Event) -> None:
        with log_fields(execution_id=name):
            await turn.wait()
            logger.info("Working.")
            done.set()

    first, second, end = asyncio.Event(), asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(work("one", second, end))
        group.create_task(work("two", first, second))
        first.set()
    assert [json.loads(line)["execution_id"] for line in stream.getvalue().splitlines()] == ["two", "one"]


def test_the_trace_in_progress_is_named(logger: logging.Logger, stream: io.StringIO) -> None:
    context = SpanContext(0xABC, 0x12, is_remote=False, trace_flags=TraceFlags(1))
    with trace.use_span(NonRecordingSpan(context)):
        logger.info("Traced.")
    line = json.loads(stream.getvalue())
    assert line["trace_id"] == f"{0xABC:032x}"
    assert line["span_id"] == f"{0x12:016x}"


def test_errors_and_foreign_values_stay_one_line(logger: logging.Logger, stream: io.StringIO) -> None:
    try:
        int("no\nway")
    except ValueError:
        logger.exception("Broken.", extra={"execution_id": EXECUTION})
    (line,) = stream.getvalue().splitlines()
    content = json.loads(line)
    assert (content["error"], content["level"], content["execution_id"]) == ("ValueError", "error", str(EXECUTION))
    assert content["stack"].startswith("Traceback")
    assert "\n" in content["stack"]
