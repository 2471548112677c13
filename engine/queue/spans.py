"""Spans of the dispatch streams, after OpenTelemetry's conventions for messaging."""

import time
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from opentelemetry.trace import Link, SpanKind

from engine.queue.messages import Ring, UnreadableMessage
from engine.queue.streams import DESTINATION, GROUP
from engine.telemetry import tracing
from engine.telemetry.tracing import Attribute

MESSAGE_ID: Final = "messaging.message.id"
_MESSAGING: Final[dict[str, Attribute]] = {
    "messaging.system": "redis",
    "messaging.destination.name": DESTINATION,
}
_SEND: Final[dict[str, Attribute]] = {
    **_MESSAGING,
    "messaging.operation.name": "send",
    "messaging.operation.type": "send",
}
_CONSUMER: Final[dict[str, Attribute]] = {**_MESSAGING, "messaging.consumer.group.name": GROUP}


class Cause(NamedTuple):
    """Who rang, and when."""

    traceparent: str
    rung_ns: int


def cause(traceparent: str | None) -> Cause | None:
    """What a ring carries: the given context, else that of the current span; None where nothing is recorded."""
    if not tracing.is_on():
        return None
    found = traceparent or tracing.carried(None)
    return None if found is None else Cause(found, time.time_ns())


def operation(name: str, kind: str) -> dict[str, Attribute]:
    """Attributes of what a consumer does with messages."""
    return {**_CONSUMER, "messaging.operation.name": name, "messaging.operation.type": kind}


def sent(rings: Iterable[tuple[Cause | None, bytes | None]], error_type: str | None) -> None:
    """Rings have left, each under an id that the stream gave it, or have not: `send` in the trace of each."""
    now = time.time_ns()
    for one, message_id in rings:
        context = None if one is None else tracing.sampled_context_of(one.traceparent)
        if one is not None and context is not None:
            tracing.record(
                f"send {DESTINATION}",
                start_ns=one.rung_ns,
                end_ns=now,
                kind=SpanKind.PRODUCER,
                attributes=_SEND if message_id is None else {**_SEND, MESSAGE_ID: message_id.decode()},
                parent=context,
                error_type=error_type,
            )


def received(messages: Sequence[Ring | UnreadableMessage], began_ns: int) -> None:
    """One read brought these: `receive`, linked to whoever sent them."""
    _batch("receive", "receive", SpanKind.CONSUMER, messages, began_ns)


def acknowledged(messages: Sequence[Ring | UnreadableMessage], began_ns: int) -> None:
    """These were acknowledged together: `ack`."""
    _batch("ack", "settle", SpanKind.CLIENT, messages, began_ns)


def _batch(
    name: str, kind: str, span_kind: SpanKind, messages: Sequence[Ring | UnreadableMessage], began_ns: int
) -> None:
    links = [
        Link(context, {MESSAGE_ID: message.message_id})
        for message in messages
        if isinstance(message, Ring) and (context := tracing.sampled_context_of(message.traceparent)) is not None
    ]
    attributes = operation(name, kind) | {"messaging.batch.message_count": len(messages)}
    tracing.record_batch(
        f"{name} {DESTINATION}",
        links,
        start_ns=began_ns,
        end_ns=time.time_ns(),
        kind=span_kind,
        attributes=attributes,
    )
