"""Spans of what leaves through the outbox for the ledger: each trace shows its own registration."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.trace import Link, SpanContext

from engine.errors import MaestroError
from engine.store.outbox import Parcel
from engine.telemetry import tracing


@contextmanager
def registering(parcels: Sequence[Parcel]) -> Iterator[None]:
    """Spans of one batch: one that they share, and in the trace of each one that is linked to it.

    A parcel that is alone has one span, within which the call is made.
    """
    found = [(one, context) for one in parcels if (context := tracing.sampled_context_of(one.traceparent)) is not None]
    if not found:
        yield
        return
    began_ns = time.time_ns()
    error_type: str | None = None
    contexts = [context for _, context in found]
    attributes: tracing.Attributes = {"maestro.ledger.topic": parcels[0].topic, "maestro.ledger.entries": len(parcels)}
    is_alone = len({(context.trace_id, context.span_id) for context in contexts}) == 1
    name = "register in ledger" if is_alone else "register batch in ledger"
    with tracing.shared(name, contexts, attributes=attributes) as batch:
        try:
            yield
        except MaestroError as error:
            error_type = error.code
            raise
        finally:
            if not is_alone:
                _each(found, batch.get_span_context(), began_ns, error_type)


def _each(
    found: Sequence[tuple[Parcel, SpanContext]], batch: SpanContext, began_ns: int, error_type: str | None
) -> None:
    for parcel, context in found:
        tracing.record(
            "register in ledger",
            start_ns=began_ns,
            end_ns=time.time_ns(),
            attributes={"maestro.ledger.topic": parcel.topic, "maestro.ledger.subject": parcel.subject_id},
            parent=context,
            links=[Link(batch)],
            error_type=error_type,
        )
