"""Spans: what the other rooms open, and what they cost when nobody collects them.

Nothing is recorded until `install` was called (`engine.telemetry.exporting` does, where an exporter is configured);
until then every function here is one look at one attribute. Names and attributes are those of OpenTelemetry's semantic
conventions where they have one, else they start with `maestro.`. No payload, no message of an error and no query of a
URL ever goes into a span: all three may hold secrets.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer

Attribute = str | bool | int | float
Attributes = Mapping[str, Attribute]

ERROR_TYPE: Final = "error.type"
EXECUTION_ID: Final = "maestro.execution.id"
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


@dataclass(slots=True)
class Tracers:
    """Where spans go.

    Attributes:
        sampled: decides by the parent, and for a root by the configured share.
        forced: records whatever it is given, for what must be seen although its trace was not chosen.
        slow_step_s: from when on a step is slow.
    """

    sampled: Tracer
    forced: Tracer
    slow_step_s: float

    def choose_id(self, span_id: int) -> None:
        """Have the next span get this id; without a generator that can, it is drawn like any other."""
        del span_id


@dataclass(slots=True)
class _State:
    tracers: Tracers | None = None


_STATE: Final = _State()


def install(tracers: Tracers | None) -> None:
    """Record from now on; None: no more."""
    _STATE.tracers = tracers


def is_on() -> bool:
    """Whether anything is recorded at all."""
    return _STATE.tracers is not None


def slow_step_s() -> float:
    """From how many seconds on a step is slow."""
    return 0.0 if _STATE.tracers is None else _STATE.tracers.slow_step_s


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    parent: SpanContext | None = None,
    links: Sequence[Link] = (),
) -> Iterator[Span]:
    """A span around the block, current within it; its parent is the given one, else the current one, else it is a root.

    An exception ends it as an error, named by the exception's code or class, never by its words.
    """
    tracers = _STATE.tracers
    if tracers is None:
        yield INVALID_SPAN
        return
    context = None if parent is None else within(parent)
    opened = tracers.sampled.start_span(name, context, kind, attributes, links)
    with _marked(opened):
        yield opened


@contextmanager
def shared(
    name: str, of: Sequence[SpanContext], kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None
) -> Iterator[Span]:
    """A span around the block, current within it, of something that is done for several traces at once.

    It is linked to each that is sampled, and the child of one that is alone; where none is, there is no span, nor that
    of whoever happens to be current.
    """
    sampled = _sampled_of(of)
    tracers = _STATE.tracers
    if tracers is None:
        yield INVALID_SPAN
        return
    if not sampled:
        with within_span(INVALID_SPAN):
            yield INVALID_SPAN
        return
    parent = sampled[0] if len(sampled) == 1 else None
    context = trace.set_span_in_context(INVALID_SPAN) if parent is None else within(parent)
    opened = tracers.forced.start_span(name, context, kind, attributes, [Link(one) for one in sampled])
    with _marked(opened):
        yield opened


@contextmanager
def child(name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None) -> Iterator[Span]:
    """A span around the block where there is one to hang it on that is recorded; else nothing."""
    if _STATE.tracers is None or not trace.get_current_span().is_recording():
        yield INVALID_SPAN
        return
    with span(name, kind, attributes) as opened:
        yield opened


def start(name: str, parent: SpanContext | None) -> Span:
    """A span as `span` opens it, which the caller ends; it is not current (see `within_span`)."""
    tracers = _STATE.tracers
    if tracers is None:
        return INVALID_SPAN
    return tracers.sampled.start_span(name, None if parent is None else within(parent))


def within_span(opened: Span) -> AbstractContextManager[Span]:
    """Have a span be current within the block, which may be one of many that it lasts for. Nothing ends it."""
    if _STATE.tracers is None:
        return nullcontext(opened)
    return trace.use_span(opened, end_on_exit=False, record_exception=False, set_status_on_exception=False)


@contextmanager
def _marked(opened: Span) -> Iterator[None]:
    """Have a span be current and end with the block. Errors are marked here: the library would record their words."""
    with trace.use_span(opened, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield
        except Exception as error:
            fail(opened, getattr(error, "code", None) or type(error).__name__)
            raise


def fail(failed: Span, error_type: str) -> None:
    """Mark a span as an error, by a stable name of what went wrong."""
    failed.set_attribute(ERROR_TYPE, error_type)
    failed.set_status(Status(StatusCode.ERROR))


def record(  # noqa: PLR0913 - what a span is made of
    name: str,
    *,
    start_ns: int,
    end_ns: int,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    parent: SpanContext | None = None,
    links: Sequence[Link] = (),
    span_id: int | None = None,
    error_type: str | None = None,
) -> SpanContext | None:
    """A span of something that is over, whether its trace is sampled or not. Returns its context; None: tracing is off.

    `span_id` is its id where others had to know it before; `error_type` a stable name of what went wrong, if anything.
    """
    tracers = _STATE.tracers
    if tracers is None:
        return None
    if span_id is not None:
        tracers.choose_id(span_id)
    context = trace.set_span_in_context(INVALID_SPAN) if parent is None else within(parent)
    late = tracers.forced.start_span(name, context, kind, attributes, links, start_time=start_ns)
    if error_type is not None:
        fail(late, error_type)
    late.end(max(start_ns, end_ns))
    return late.get_span_context()


def record_batch(
    name: str,
    of: Sequence[Link],
    *,
    start_ns: int,
    end_ns: int,
    kind: SpanKind,
    attributes: Attributes | None = None,
) -> SpanContext | None:
    """A span of something that was done for several traces at once: linked to each; for one alone it is its child.

    Traces that are not sampled are left out; when all are, nothing is recorded. Each link stays, with what it says of
    its own part, also where several lead to the same span.
    """
    links = [link for link in of if link.context.trace_flags.sampled]
    if not links:
        return None
    sampled = _sampled_of([link.context for link in links])
    parent = sampled[0] if len(sampled) == 1 else None
    return record(name, start_ns=start_ns, end_ns=end_ns, kind=kind, attributes=attributes, parent=parent, links=links)


def _sampled_of(contexts: Sequence[SpanContext]) -> list[SpanContext]:
    """Each once."""
    found = {(one.trace_id, one.span_id): one for one in contexts if one.trace_flags.sampled}
    return list(found.values())


def begin(
    name: str,
    parent: SpanContext | None,
    *,
    attributes: Attributes | None = None,
    links: Sequence[Link] = (),
    span_id: int | None = None,
    start_ns: int | None = None,
) -> Span:
    """A span that is recorded in any case and that the caller ends; it is not current."""
    tracers = _STATE.tracers
    if tracers is None:
        return INVALID_SPAN
    if span_id is not None:
        tracers.choose_id(span_id)
    context = trace.set_span_in_context(INVALID_SPAN) if parent is None else within(parent)
    return tracers.forced.start_span(name, context, attributes=attributes, links=links, start_time=start_ns)


def within(parent: SpanContext) -> Context:
    """The context in which a span of this parent starts."""
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))


def context_of(traceparent: str | None) -> SpanContext | None:
    """The span that a W3C `traceparent` names; None: none, or a malformed one."""
    found = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    flags = TraceFlags(int(found[3], 16))
    context = SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=flags)
    return context if context.is_valid else None


def sampled_context_of(traceparent: str | None) -> SpanContext | None:
    """The same, where something is recorded and that trace is sampled; else None."""
    if _STATE.tracers is None:
        return None
    context = context_of(traceparent)
    return context if context is not None and context.trace_flags.sampled else None


def sibling(context: SpanContext, span_id: int) -> SpanContext:
    """A span of the same trace whose id is known, recorded or to be recorded."""
    return SpanContext(context.trace_id, span_id, is_remote=True, trace_flags=_SAMPLED)


def traceparent_of(context: SpanContext) -> str:
    """The W3C `traceparent` of a span."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def carried(given: str | None) -> str | None:
    """What to store and to pass on: the current span's `traceparent` where one is open, else the given one."""
    if _STATE.tracers is None:
        return given
    context = trace.get_current_span().get_span_context()
    return traceparent_of(context) if context.is_valid else given


def current_ids() -> tuple[str, str] | None:
    """Trace id and span id of the current span, in hex; None: none is open."""
    if _STATE.tracers is None:
        return None
    context = trace.get_current_span().get_span_context()
    return (f"{context.trace_id:032x}", f"{context.span_id:016x}") if context.is_valid else None


def exemplar() -> dict[str, str] | None:
    """What leads from a bucket of a histogram to a trace: the current span, if it is recorded."""
    if _STATE.tracers is None:
        return None
    return exemplar_of(trace.get_current_span().get_span_context())


def exemplar_of(context: SpanContext | None) -> dict[str, str] | None:
    """The same for a span that is not current."""
    if context is None or not context.trace_flags.sampled:
        return None
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def exemplar_among(traceparents: Iterable[str | None]) -> dict[str, str] | None:
    """The same for what is done for several, by the contexts that they brought: the first that is sampled."""
    if _STATE.tracers is None:
        return None
    found = (exemplar_of(context) for one in traceparents if (context := context_of(one)) is not None)
    return next((one for one in found if one is not None), None)
