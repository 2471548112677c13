"""The operator's list of places that steps may reach although they are not public (`MAESTRO_OUTBOUND_ALLOW`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from engine.actions.outbound.addresses import Address, parse_address, unwrap
from engine.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry: a network or a host name, with a port or for every port that the rules let through."""

    network: IPv4Network | IPv6Network | None
    host: str | None
    port: int | None

    def covers(self, host: str, address: Address, port: int) -> bool:
        if self.port is not None and self.port != port:
            return False
        if self.network is None:
            return self.host == host
        return any(a.version == self.network.version and a in self.network for a in (address, unwrap(address)))


@dataclass(frozen=True, slots=True)
class AllowList:
    """Entries are CIDR networks, hosts, or host:port; an IPv6 host with a port is written in brackets."""

    entries: tuple[_Entry, ...] = ()

    @classmethod
    def parse(cls, items: Iterable[str]) -> "AllowList":
        """Read entries.

        Raises:
            ConfigurationError: naming the first entry that is none.
        """
        return cls(tuple(_parse(item.strip()) for item in items if item.strip()))

    def permits(self, host: str, address: Address, port: int) -> bool:
        """True when an entry covers this address (or the name it was found under) at this port."""
        return any(entry.covers(host, address, port) for entry in self.entries)

    def names_port(self, host: str, address: Address, port: int) -> bool:
        """True when an entry with exactly this port covers it: then the general port rule does not apply."""
        return any(entry.port is not None and entry.covers(host, address, port) for entry in self.entries)

    def names_host(self, host: str) -> bool:
        """True when an entry names this very host."""
        return any(entry.host == host for entry in self.entries)


def _parse(text: str) -> _Entry:
    if "/" in text:
        try:
            return _Entry(ip_network(text, strict=False), None, None)
        except ValueError as exc:
            raise _unreadable(text) from exc
    host, port = _split_port(text)
    try:
        address = parse_address(host)
    except ValueError:
        if not host or any(c.isspace() or c in "*@?#[]" for c in host):
            raise _unreadable(text) from None
        return _Entry(None, host.lower().rstrip("."), port)
    return _Entry(ip_network(address), None, port)


def _split_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else ""
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        if not port:
            raise _unreadable(text)
    else:
        return text, None
    if not port:
        return host, None
    if not port.isascii() or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise _unreadable(text)
    return host, int(port)


def _unreadable(text: str) -> ConfigurationError:
    return ConfigurationError(f"MAESTRO_OUTBOUND_ALLOW: {text!r} is no network, host, or host:port.")
