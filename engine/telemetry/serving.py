"""`/metrics` of a process that serves nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server

from engine.errors import ConfigurationError


@contextmanager
def serving_metrics(host: str, port: int | None) -> Iterator[None]:
    """Serve the counts of this process until the context is left, from a thread of its own; no port: nothing.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, host)
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} of {host} cannot be used ({error}). Set MAESTRO_METRICS_PORT."
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
