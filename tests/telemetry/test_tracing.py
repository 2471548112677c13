"""Spans within one process: what is recorded, what never is, and that nothing is loaded when nobody asked."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind

from engine.errors import ConfigurationError, Unavailable
from engine.settings import load_tracing
from engine.store.spans import target_of
from engine.telemetry import tracing
from engine.telemetry.exporting import TraceSettings, recording
from engine.telemetry.spans import Providers
from resolvers.sanitised import sanitised
from workers.tracing import span_id_of

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"
UNSAMPLED = "00-2af7651916cd43dd8448eb211c80319c-d7ad6b7169203331-00"
REPOSITORY = Path(__file__).parents[2]


class Spans:
    """What was recorded."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.providers = Providers("test", "0", [SimpleSpanProcessor(self._exporter)])

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.all]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    monkeypatch.delenv("OTEL_TRACES_SAMPLER", raising=False)
    found = Spans()
    tracing.install(found.providers.tracers("test", 1.0))
    yield found
    tracing.install(None)
    found.providers.close()


def context(traceparent: str) -> SpanContext:
    found = tracing.context_of(traceparent)
    assert found is not None
    return found


def own(span: ReadableSpan) -> SpanContext:
    found = span.get_span_context()
    assert found is not None
    return found


def test_off_nothing_is_recorded_carried_or_shown() -> None:
    with tracing.span("a") as outer, tracing.child("b") as inner:
        assert tracing.carried(PARENT) == PARENT
        assert tracing.carried(None) is None
        assert tracing.exemplar() is None
        assert tracing.exemplar_among([PARENT]) is None
        assert tracing.current_ids() is None
    assert (outer.is_recording(), inner.is_recording()) == (False, False)
    assert tracing.record("c", start_ns=1, end_ns=2) is None
    assert tracing.sampled_context_of(PARENT) is None


def test_off_no_process_loads_the_sdk_or_an_exporter() -> None:
    script = (
        "import sys, scripts.cli.api, scripts.cli.worker, scripts.cli.ledger;"
        "from engine.settings import load_tracing; from engine.telemetry.exporting import recording\n"
        "with recording(load_tracing({}), 'api'): pass\n"
        "loaded = ('opentelemetry.sdk.trace', 'opentelemetry.exporter')\n"  # that of metrics comes with another library
        "print([name for name in sys.modules if name.startswith(loaded)])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_span_within_the_callers_goes_on_from_it_and_is_carried_on(spans: Spans) -> None:
    with tracing.span("POST /x", SpanKind.SERVER, parent=context(PARENT)):
        carried = tracing.carried(OTHER)
        with tracing.child("inside"):
            pass

    inside, server = spans.all
    assert server.parent == context(PARENT)
    assert carried == tracing.traceparent_of(own(server))
    assert inside.parent == own(server)


def test_the_parent_decides_whether_a_trace_is_sampled(spans: Spans) -> None:
    with tracing.span("POST /x", parent=context(UNSAMPLED)) as span, tracing.child("inside"):
        assert tracing.carried(None) == tracing.traceparent_of(span.get_span_context())
        assert tracing.exemplar() is None

    assert spans.all == ()
    assert span.get_span_context().trace_id == context(UNSAMPLED).trace_id
    assert not span.get_span_context().trace_flags.sampled


def test_there_is_no_child_of_nothing(spans: Spans) -> None:
    with tracing.child("SELECT nobody"):
        pass

    assert spans.all == ()


def test_an_error_is_named_and_its_words_are_left_out(spans: Spans) -> None:
    with pytest.raises(Unavailable), tracing.span("a"):
        raise Unavailable("ledger", "its token is sekrit", code="ledger.unavailable")
    with pytest.raises(ValueError, match="sekrit"), tracing.span("b"):
        raise ValueError("sekrit")

    assert [span.attributes for span in spans.all] == [
        {"error.type": "ledger.unavailable"},
        {"error.type": "ValueError"},
    ]
    assert all(not span.status.is_ok and not span.events for span in spans.all)
    assert "sekrit" not in "".join(span.to_json() for span in spans.all)


def test_what_is_done_for_one_is_its_child_and_for_several_is_linked_to_each(spans: Spans) -> None:
    one, other = context(PARENT), context(OTHER)
    for group in ([one, one], [one, other, context(UNSAMPLED)], [context(UNSAMPLED)], []):
        links = [Link(each, {"part": str(part)}) for part, each in enumerate(group)]
        tracing.record_batch("ack", links, start_ns=5, end_ns=7, kind=SpanKind.CLIENT)

    alone, together = spans.all
    assert alone.parent == one
    assert [(link.context, dict(link.attributes or {})) for link in alone.links] == [
        (one, {"part": "0"}),
        (one, {"part": "1"}),
    ]
    assert together.parent is None
    assert [link.context for link in together.links] == [one, other]
    assert (together.start_time, together.end_time) == (5, 7)


def test_a_late_span_has_its_own_times_and_the_id_that_others_knew(spans: Spans) -> None:
    made = tracing.record("step", start_ns=10, end_ns=30, parent=context(UNSAMPLED), span_id=span_id_of("x"))
    tracing.record("next", start_ns=40, end_ns=20, parent=context(UNSAMPLED))

    late, following = spans.all
    assert made is not None
    assert own(late).span_id == made.span_id == span_id_of("x")
    assert (late.start_time, late.end_time) == (10, 30)
    assert own(following).span_id != span_id_of("x")
    assert following.end_time == 40  # a clock that was set back makes no negative time
    assert span_id_of("x") != span_id_of("y")


def test_an_exemplar_leads_to_the_span_that_is_open(spans: Spans) -> None:
    with tracing.span("a", parent=context(PARENT)) as span:
        found = tracing.exemplar()

    made = span.get_span_context()
    assert found == {"trace_id": f"{made.trace_id:032x}", "span_id": f"{made.span_id:016x}"}
    assert found == tracing.exemplar_of(made)
    assert trace.format_trace_id(context(PARENT).trace_id) == found["trace_id"]
    assert spans.names == ["a"]


def test_of_several_an_exemplar_leads_to_the_first_that_is_sampled(spans: Spans) -> None:
    own_ids = {"trace_id": OTHER.split("-")[1], "span_id": OTHER.split("-")[2]}
    assert tracing.exemplar_among([None, "no traceparent", UNSAMPLED, OTHER, PARENT]) == own_ids
    assert tracing.exemplar_among([None, UNSAMPLED]) is None
    assert spans.all == ()


def test_what_is_done_for_none_that_is_sampled_is_not_put_down_to_whoever_is_current(spans: Spans) -> None:
    with tracing.span("a", parent=context(PARENT)), tracing.shared("INSERT executions", [context(UNSAMPLED)]):
        assert (tracing.exemplar(), tracing.current_ids()) == (None, None)

    assert spans.names == ["a"]


@pytest.mark.parametrize(
    ("environment", "otlp", "folder"),
    [
        ({}, False, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True, None),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True, None),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True, None),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False, None),
        (
            {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "MAESTRO_TRACE_DIR": "/x"},
            False,
            None,
        ),
        ({"MAESTRO_TRACE_DIR": "/x"}, False, Path("/x")),
    ],
)
def test_the_standard_variables_say_whether_spans_are_recorded(
    environment: dict[str, str],
    otlp: bool,  # noqa: FBT001 - a case
    folder: Path | None,
) -> None:
    found = load_tracing(environment)

    assert (found.otlp, found.folder) == (otlp, folder)
    assert found.is_on == (otlp or folder is not None)


@pytest.mark.parametrize("name", ["OTEL_TRACES_EXPORTER", "MAESTRO_TRACE_SLOW_STEP_SECONDS"])
def test_a_setting_that_cannot_be_used_stops_the_process(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load_tracing({name: "jaeger"})


def test_a_protocol_that_is_not_spoken_stops_the_process() -> None:
    with (
        pytest.raises(ConfigurationError, match="http/protobuf"),
        recording(TraceSettings(otlp=True, protocol="grpc"), "x"),
    ):
        pass


def test_a_document_is_shown_without_its_values() -> None:
    document = 'query Q($id: ID!) { workflows(search: "sekrit", first: 42) { nodes(id: $id) { name } } }'

    shown = 'query Q($id: ID!) { workflows(search: "*", first: 0) { nodes(id: $id) { name } } }'
    assert sanitised(document).split() == shown.split()
    assert sanitised("query {") == ""


@pytest.mark.parametrize(
    ("sql", "target"),
    [
        ("SELECT a FROM workflow_versions WHERE x", ("SELECT", "workflow_versions")),
        ("WITH a AS (SELECT 1 FROM x) INSERT INTO outbox (a) SELECT 1", ("INSERT", "outbox")),
        ("update executions set a = 1", ("UPDATE", "executions")),
        ("DELETE FROM timers", ("DELETE", "timers")),
        ("select 1", ("SELECT", "")),
    ],
)
def test_a_statement_is_named_by_what_it_does_to_which_table(sql: str, target: tuple[str, str]) -> None:
    assert target_of(sql) == target
