"""Traces in files: written as OTLP/JSON, read back, and drawn as text."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from google.protobuf.json_format import Parse  # type: ignore[import-untyped]  # it has no types
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.trace import Link, SpanKind

from engine.telemetry import tracing
from engine.telemetry.exporting import TraceSettings, recording
from scripts.cli.trace import trace
from scripts.traces.reading import read_folder

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"
TRACE = CALLER.split("-")[1]
EXECUTION = "01997b6e-0000-7000-8000-000000000001"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What two processes have recorded: a request, an execution with a failed step, and a batch with another trace."""
    monkeypatch.setattr("opentelemetry.trace.set_tracer_provider", lambda _provider: None)  # it can be set only once
    found = tmp_path / "traces"
    with recording(TraceSettings(folder=found), "api"):
        parent = tracing.context_of(CALLER)
        with tracing.span("POST /graphql", SpanKind.SERVER, {"http.response.status_code": 200}, parent) as server:
            request = server.get_span_context()
    with recording(TraceSettings(folder=found), "worker"):
        execution = tracing.record(
            "execution",
            start_ns=server.start_time + 1_000_000,  # type: ignore[attr-defined]  # of the SDK's span
            end_ns=server.start_time + 5_000_000,  # type: ignore[attr-defined]  # likewise
            attributes={"maestro.execution.id": EXECUTION},
            parent=request,
        )
        other = tracing.context_of(OTHER)
        assert execution is not None
        assert other is not None
        begun = server.start_time + 2_000_000  # type: ignore[attr-defined]  # likewise
        tracing.record(
            "step action",
            start_ns=begun,
            end_ns=begun + 500_000,
            attributes={"maestro.step.path": "call"},
            parent=execution,
            error_type="http.404",
        )
        batch = {"messaging.batch.message_count": 2}
        tracing.record_batch(
            "ack maestro.dispatch",
            [Link(request), Link(other)],
            start_ns=begun,
            end_ns=begun,
            kind=SpanKind.CLIENT,
            attributes=batch,
        )
    return found


def test_an_execution_is_drawn_with_its_request_its_steps_and_what_was_done_for_several(folder: Path) -> None:
    drawn = CliRunner().invoke(trace, [EXECUTION, "--dir", str(folder)])

    assert drawn.exit_code == 0, drawn.output
    head, _, titles, lost, *lines = drawn.output.rstrip().splitlines()
    assert head.startswith(f"trace {TRACE}: 3 spans in ")
    assert head.endswith("ms, of api, worker")
    assert titles.split() == ["began", "ms", "took", "ms", "process", "span"]
    assert lost.strip().startswith("(not recorded: of a process that was killed, or of a caller")
    assert [line[23:] for line in lines] == [
        "api      └─ POST /graphql  [200]",
        "worker      ├─ execution",
        "worker      │  └─ step action  [call, ERROR http.404]",
        "worker      └─ ~ ack maestro.dispatch  [2], for 2",
    ]
    assert lines[2].split()[:2] == ["2.0", "0.5"]


def test_a_trace_is_found_by_its_own_id_and_an_unknown_one_is_said_to_be_unknown(folder: Path) -> None:
    runner = CliRunner()

    assert "execution" in runner.invoke(trace, [TRACE, "--dir", str(folder)]).output
    unknown = runner.invoke(trace, ["feed", "--dir", str(folder)])
    assert unknown.exit_code == 1
    assert "feed" in str(unknown.exception)


def test_files_are_otlp_as_its_own_library_reads_it(folder: Path) -> None:
    lines = [line for file in sorted(folder.iterdir()) for line in file.read_bytes().splitlines()]

    read = [Parse(_base64_ids(line), TracesData()) for line in lines]

    names = [one.resource_spans[0].scope_spans[0].spans[0].name for one in read]
    assert names == ["POST /graphql", "execution", "step action", "ack maestro.dispatch"]
    services = [one.resource_spans[0].resource.attributes[0].value.string_value for one in read]
    assert services == ["maestro-api", "maestro-worker", "maestro-worker", "maestro-worker"]


def test_a_line_that_is_being_written_is_left_out(folder: Path) -> None:
    [worker] = folder.glob("worker-*")
    before = len(read_folder(folder))
    with worker.open("ab") as file:
        file.write(b'{"resourceSpans": [{"resource"')

    assert len(read_folder(folder)) == before


def _base64_ids(line: bytes) -> bytes:
    """OTLP/JSON writes ids in hex where the JSON form of protobuf wants base64: here only that they are hex matters."""

    def without_ids(value: object) -> object:
        if isinstance(value, dict):
            assert all(bytes.fromhex(value[name]) for name in ("traceId", "spanId", "parentSpanId") if name in value)
            return {name: without_ids(one) for name, one in value.items() if not name.endswith("Id")}
        return [without_ids(one) for one in value] if isinstance(value, list) else value

    return orjson.dumps(without_ids(orjson.loads(line)))
