"""Where spans go: the OpenTelemetry SDK, set up by its own standard variables, and files for a look without a server.

Only this module knows the SDK, and it imports it only when something is to be recorded.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opentelemetry import trace

from engine.errors import ConfigurationError
from engine.telemetry import tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

_log = logging.getLogger(__name__)

PRODUCT: Final = "maestro-composer-backend"
SCOPE: Final = "maestro"
_SPEAKS: Final = "http/protobuf"


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """What decides whether spans are recorded, and where they go; the SDK reads the rest of `OTEL_*` by itself.

    Attributes:
        otlp: send them by OTLP, to the address that the standard variables name.
        protocol: of OTLP, as the standard variables name it; None: the default.
        folder: write them into files here, one for each process; None: nowhere.
        slow_step_s: a step that takes longer leaves a span although its trace is not sampled.
    """

    otlp: bool = False
    protocol: str | None = None
    folder: Path | None = None
    slow_step_s: float = 10.0

    @property
    def is_on(self) -> bool:
        """Whether spans go anywhere."""
        return self.otlp or self.folder is not None


@contextmanager
def recording(settings: TraceSettings, process: str) -> Iterator[None]:
    """Record spans until the context is left; what is left then is sent. Without a place to go it does nothing.

    Raises:
        ConfigurationError: the standard variables ask for what this product does not speak.
    """
    if not settings.is_on:
        yield
        return
    from engine.telemetry.spans import Providers  # noqa: PLC0415 - the SDK is loaded where it is used, and only there

    providers = Providers(process, version(PRODUCT), _processors(settings, process))
    trace.set_tracer_provider(providers.sampled)
    tracing.install(providers.tracers(SCOPE, settings.slow_step_s))
    _log.info("Spans are recorded.", extra={"action": "tracing", "otlp": settings.otlp})
    try:
        yield
    finally:
        tracing.install(None)
        providers.close()


def _processors(settings: TraceSettings, process: str) -> "list[SpanProcessor]":
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: PLC0415 - see above

    found: list[SpanProcessor] = []
    if settings.otlp:
        if settings.protocol not in {None, _SPEAKS}:
            raise ConfigurationError(
                f"OTEL_EXPORTER_OTLP_PROTOCOL is {settings.protocol!r}; this product speaks {_SPEAKS!r}."
            )
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - see above

        found.append(BatchSpanProcessor(OTLPSpanExporter()))
    if settings.folder is not None:
        from engine.telemetry.span_files import FileExporter  # noqa: PLC0415 - see above

        # One by one: what a killed process had recorded is in the file.
        found.append(SimpleSpanProcessor(FileExporter.open(settings.folder, process)))
    return found
