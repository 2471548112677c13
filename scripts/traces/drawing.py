"""A trace as text: a tree of its spans with when each began, how long it took, and who recorded it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.telemetry.tracing import ERROR_TYPE, EXECUTION_ID
from scripts.traces.reading import RecordedSpan, SpanLink

_NS_IN_MS: Final = 1_000_000
_SHOWN: Final = (
    "maestro.graphql.field",
    "maestro.policy.action",
    "maestro.policy.outcome",
    "maestro.step.path",
    "maestro.step.iteration",
    "maestro.step.attempt",
    "maestro.resumed_by",
    "maestro.execution.status",
    "server.address",
    "http.response.status_code",
    "messaging.batch.message_count",
    "maestro.ledger.entries",
)
_LOST: Final = "(not recorded: of a process that was killed, or of a caller that keeps its own spans)"


@dataclass(slots=True)
class _Node:
    text: str
    start_ns: int
    span: RecordedSpan | None = None
    children: "list[_Node]" = field(default_factory=list)


def traces_of(spans: Iterable[RecordedSpan], wanted: str) -> list[str]:
    """The traces that an id stands for: a trace's own, or that of an execution; in the order in which they began."""
    found: dict[str, int] = {}
    for span in spans:
        if wanted in {span.trace_id, span.attributes.get(EXECUTION_ID)}:
            found[span.trace_id] = min(span.start_ns, found.get(span.trace_id, span.start_ns))
    return sorted(found, key=found.__getitem__)


def draw(spans: Sequence[RecordedSpan], trace_id: str) -> Iterator[str]:
    """The lines of one trace. Spans of other traces that are linked to one of its own stand under that one."""
    own = [span for span in spans if span.trace_id == trace_id]
    began_ns, ended_ns = min(span.start_ns for span in own), max(span.end_ns for span in own)
    services = ", ".join(sorted({span.service for span in own}))
    yield f"trace {trace_id}: {len(own)} spans in {(ended_ns - began_ns) / _NS_IN_MS:,.1f} ms, of {services}"
    yield ""
    yield f"{'began ms':>10} {'took ms':>10}  {'process':8} span"
    for root in _trees(own, spans, trace_id):
        yield from _lines(root, began_ns, "", "")


def _trees(own: Sequence[RecordedSpan], spans: Sequence[RecordedSpan], trace_id: str) -> list[_Node]:
    # Two spans may have one id: who takes over from a holder that was only slow tells of the same step.
    nodes = {span.span_id: _Node(_describe(span), span.start_ns, span) for span in own}
    roots: list[_Node] = []
    for span in own:
        node = nodes[span.span_id]
        if node.span is not span:
            continue
        if not span.parent_id:
            roots.append(node)
            continue
        if span.parent_id not in nodes:
            nodes[span.parent_id] = _Node(_LOST, span.start_ns)
            roots.append(nodes[span.parent_id])
        nodes[span.parent_id].children.append(node)
    for node in list(nodes.values()):
        if node.span is not None:
            node.children += [_Node(_told(link, spans, trace_id), node.start_ns) for link in _outwards(node.span)]
    for span in spans:
        if span.trace_id != trace_id:
            _hang(span, nodes, trace_id)
    return sorted(roots, key=_begin)


def _hang(span: RecordedSpan, nodes: dict[str, _Node], trace_id: str) -> None:
    """Show a span of another trace under what it was done for."""
    for link in span.links:
        if link.trace_id == trace_id and link.span_id in nodes:
            nodes[link.span_id].children.append(
                _Node(f"~ {_describe(span)}, for {len(span.links)}", span.start_ns, span)
            )
            return


def _outwards(span: RecordedSpan) -> Iterator[SpanLink]:
    """Links that say something: those that a span has with its own parent do not."""
    return (link for link in span.links if link.attributes)


def _told(link: SpanLink, spans: Sequence[RecordedSpan], trace_id: str) -> str:
    found = next((one for one in spans if (one.trace_id, one.span_id) == (link.trace_id, link.span_id)), None)
    name = f"span {link.span_id}" if found is None else found.name
    where = "" if link.trace_id == trace_id else f" of trace {link.trace_id}"
    why = " ".join(link.attributes.values())
    return f"-> {why}: {name}{where}"


def _describe(span: RecordedSpan) -> str:
    facts = [value for name in _SHOWN if (value := span.attributes.get(name))]
    if span.is_error:
        facts.append(f"ERROR {span.attributes.get(ERROR_TYPE, '')}".strip())
    return f"{span.name}  [{', '.join(facts)}]" if facts else span.name


def _lines(node: _Node, began_ns: int, first: str, rest: str) -> Iterator[str]:
    if node.span is None:
        yield f"{'':10} {'':10}  {'':8} {first}{node.text}"
    else:
        offset = (node.span.start_ns - began_ns) / _NS_IN_MS
        yield f"{offset:10,.1f} {node.span.duration_ms:10,.1f}  {node.span.service:8} {first}{node.text}"
    children = sorted(node.children, key=_begin)
    for place, child in enumerate(children):
        is_last = place == len(children) - 1
        yield from _lines(child, began_ns, rest + ("└─ " if is_last else "├─ "), rest + ("   " if is_last else "│  "))


def _begin(node: _Node) -> int:
    return node.start_ns
