"""Free TCP ports of the loopback interface."""

import socket

LOOPBACK = "127.0.0.1"
# A cluster member's bus listens 10,000 above its port, so Redis-protocol servers stay below this.
_HIGHEST = 55_535


def free_port(preferred: int | None = None) -> int:
    """A port that nobody listens on now: the preferred one if it is free.

    Any other one is set aside for a minute: the kernel gives it to nobody who asks for whichever is free, and lets
    those who ask for it by its number listen there, as servers do.
    """
    if preferred is not None and is_free(LOOPBACK, preferred):
        return preferred
    while True:
        port = _set_aside()
        if port <= _HIGHEST:
            return port


def _set_aside() -> int:
    """A port on which a connection has just been closed by the side that listened (RFC 9293, TIME-WAIT)."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((LOOPBACK, 0))
        server.listen(1)
        address = server.getsockname()
        with socket.create_connection(address), server.accept()[0] as accepted:
            accepted.close()
    return int(address[1])


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
