"""The outbound guard: whatever opens a connection for a step asks here where it may go.

A name is resolved once, every address that comes back must pass, and the connection is opened to one of those very
addresses. So a name that answers differently a moment later changes nothing.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum

from engine.actions.outbound.addresses import Address, is_public, parse_address
from engine.actions.outbound.allow import AllowList
from engine.actions.outbound.errors import OutboundError, refused

logger = logging.getLogger(__name__)

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""From host and port to all addresses, as text; raises OSError when the name has none."""

_RESOLVER_THREADS = 16
_MAX_ADDRESSES = 32

# Names under which clouds answer with credentials of the machine; they resolve to link-local addresses, and are refused
# by name too, so that a resolver which answers otherwise opens nothing.
_METADATA_HOSTS = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})

_DATA_STORE_PORTS = frozenset(
    {
        1433, 1434, 1521, 1830,  # SQL Server, Oracle
        2049, 2181, 2375, 2376, 2379, 2380,  # NFS, ZooKeeper, Docker, etcd
        3050, 3306, 33060,  # Firebird, MySQL
        4369, 5432, 5433, 5672, 5984, 6432,  # Erlang, PostgreSQL, AMQP, CouchDB, PgBouncer
        6379, 6380, 16379, 26379,  # Redis
        7000, 7001, 7199, 7473, 7474, 7687, 9042, 9160,  # Cassandra, Neo4j
        8086, 8123, 8529, 9092, 9093, 9200, 9300,  # InfluxDB, ClickHouse, ArangoDB, Kafka, Elasticsearch
        10250, 10255, 11211, 26257,  # kubelet, memcached, CockroachDB
        27017, 27018, 27019, 28015, 28017, 50000, 61616,  # MongoDB, RethinkDB, Db2, ActiveMQ
    }
)  # fmt: skip


class Ports(Enum):
    """Which ports a kind of call may use without the operator naming them."""

    WEB = "web"
    MAIL = "mail"
    DATABASE = "database"

    def permit(self, port: int) -> bool:
        """True when the port is open to this kind of call. A database's port is that of its connection: any."""
        if self is Ports.WEB:
            return port in {80, 443} or (1024 <= port <= 65535 and port not in _DATA_STORE_PORTS)
        if self is Ports.MAIL:
            return port in {25, 465, 587}
        return 1 <= port <= 65535


class SystemResolver:
    """`getaddrinfo` on threads of its own, so that a slow name server holds up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """All addresses of the host, each once, in the order of the system's preference."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _getaddrinfo, host, port)
        return tuple(dict.fromkeys(found))

    def close(self) -> None:
        """Let the threads end; a look-up that hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(host: str, port: int) -> list[str]:
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class OutboundGuard:
    """Says where a step's call may go, or that it may not.

    Switched off (`enforce=False`, an operator's setting) it still resolves once and pins the address, but
    lets every address pass.
    """

    def __init__(self, allow: AllowList, resolver: Resolver, *, enforce: bool = True) -> None:
        self._allow = allow
        self._resolve = resolver
        self._enforce = enforce
        if not enforce:
            logger.warning("the outbound guard is switched off: steps can reach every address this machine can reach")

    async def addresses(self, host: str, port: int, ports: Ports) -> tuple[Address, ...]:
        """The addresses that a connection to host and port may be opened to, in order of preference, never none.

        Raises:
            OutboundError: refused (one bad address refuses the name as a whole), or the name does not resolve.
        """
        host = host.lower().rstrip(".")
        if self._enforce and host in _METADATA_HOSTS and not self._allow.names_host(host):
            raise refused("address_refused", f"Steps may not reach {host!r}.")
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as exc:
            raise _unresolved(host) from exc
        if not found:
            raise _unresolved(host)
        addresses = tuple(parse_address(text) for text in found[:_MAX_ADDRESSES])
        if self._enforce:
            for text in found:
                self._check(host, parse_address(text), port, ports)
        return addresses

    def _check(self, host: str, address: Address, port: int, ports: Ports) -> None:
        if not (is_public(address) or self._allow.permits(host, address, port)):
            raise refused(
                "address_refused",
                f"Steps may not reach {host!r}: it is not a public address. The operator can allow it.",
            )
        if not (ports.permit(port) or self._allow.names_port(host, address, port)):
            raise refused("port_refused", f"Steps may not use port {port} for this. The operator can allow it.")

    async def open_socket(self, host: str, port: int, ports: Ports) -> socket.socket:
        """A connected, non-blocking socket to one of the checked addresses; the caller owns it.

        Raises:
            OutboundError: refused, or none of the addresses answers.
        """
        failure: OSError | None = None
        for address in await self.addresses(host, port, ports):
            try:
                return await connect(address, port)
            except OSError as exc:
                failure = exc
        raise unreachable(host) from failure


async def connect(address: Address, port: int) -> socket.socket:
    """A connected, non-blocking socket; closed again when cancelled half-way."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(opened, (str(address), port))
    except BaseException:
        opened.close()
        raise
    return opened


def unreachable(host: str) -> OutboundError:
    """No connection came about: nothing was sent."""
    return OutboundError("outbound.unreachable", f"No connection to {host!r}.", retryable=True, unhealthy=True)


def _unresolved(host: str) -> OutboundError:
    return OutboundError("outbound.name_unresolved", f"The name {host!r} does not resolve.", retryable=True)
