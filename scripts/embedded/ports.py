"""Free TCP ports of the loopback interface."""

import socket

LOOPBACK = "127.0.0.1"
# A cluster member's bus listens 10,000 above its port, so Redis-protocol servers stay below this.
_HIGHEST = 55_535


def free_port(preferred: int | None = None) -> int:
    """A port that nobody listens on now: the preferred one if it is free. Another process may still take it first."""
    if preferred is not None and is_free(LOOPBACK, preferred):
        return preferred
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port <= _HIGHEST:
            return port


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
