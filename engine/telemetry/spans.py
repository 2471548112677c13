"""The two tracer providers of a process: one that samples, one that records whatever it is given."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from opentelemetry.sdk.resources import PROCESS_PID, SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from engine.telemetry.tracing import Tracers


class ChosenIds(RandomIdGenerator):
    """Random ids, but for a span whose id somebody had to know before it was recorded.

    Choosing and starting happen without an await between them, on the one thread that opens spans.
    """

    def __init__(self) -> None:
        self._next: int | None = None

    def choose(self, span_id: int) -> None:
        """Give the next span this id."""
        self._next = span_id

    def generate_span_id(self) -> int:
        """The chosen id, else a random one."""
        chosen, self._next = self._next, None
        return super().generate_span_id() if chosen is None else chosen


@dataclass(slots=True)
class _ChoosingTracers(Tracers):
    ids: ChosenIds

    def choose_id(self, span_id: int) -> None:
        self.ids.choose(span_id)


class Providers:
    """Both providers, over the same processors."""

    def __init__(self, process: str, version: str, processors: Sequence[SpanProcessor]) -> None:
        resource = _resource(process, version)
        self._ids = ChosenIds()
        self._processors = processors
        # Its sampler is that of OTEL_TRACES_SAMPLER, by default the parent's decision, and "yes" for a root.
        self.sampled = TracerProvider(resource=resource, shutdown_on_exit=False, id_generator=self._ids)
        self._forced = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=self._ids)
        for provider in (self.sampled, self._forced):
            for processor in processors:
                provider.add_span_processor(processor)

    def tracers(self, scope: str, slow_step_s: float) -> Tracers:
        """What the other rooms open spans with."""
        return _ChoosingTracers(self.sampled.get_tracer(scope), self._forced.get_tracer(scope), slow_step_s, self._ids)

    def close(self) -> None:
        """Send what is left, and end."""
        for processor in self._processors:
            processor.shutdown()


def _resource(process: str, version: str) -> Resource:
    """Who sends the spans; what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say counts before it."""
    own = Resource(
        {
            SERVICE_NAME: f"maestro-{process}",
            SERVICE_NAMESPACE: "maestro",
            SERVICE_VERSION: version,
            PROCESS_PID: os.getpid(),
        }
    )
    told = Resource.create()
    named = {key: value for key, value in told.attributes.items() if key != SERVICE_NAME or not _is_default(value)}
    return own.merge(Resource(named))


def _is_default(name: object) -> bool:
    return str(name).startswith("unknown_service")
