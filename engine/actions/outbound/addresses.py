"""Which network addresses are public.

Python's `is_global` alone is not enough (OWASP API7:2023): addresses that carry an IPv4 address inside are judged
by what they carry, and everything that is not plain global unicast is refused.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_V4_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_GLOBAL_UNICAST = IPv6Network("2000::/3")

_SPECIAL_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; 100.100.100.200 answers metadata in one cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # a public address, but one cloud's own platform endpoint
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",  # IETF protocol assignments; `is_global` lets some of it through
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved and broadcast
    )
)
_SPECIAL_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2001:db8::/32",
        "3fff::/20",
    )
)


def parse_address(text: str) -> Address:
    """The address that `getaddrinfo` wrote; a zone (`%eth0`) is dropped, since it never makes an address public.

    Raises:
        ValueError: it is no address.
    """
    return ip_address(text.partition("%")[0])


def unwrap(address: Address) -> Address:
    """The IPv4 address carried inside (v4-mapped, v4-compatible, 6to4, NAT64), else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _V4_COMPATIBLE or address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """True for global unicast addresses that no special-purpose registry claims, after unwrapping."""
    inner = unwrap(address)
    if inner.is_multicast or inner.is_reserved or inner.is_link_local or not inner.is_global:
        return False
    if isinstance(inner, IPv4Address):
        return not any(inner in network for network in _SPECIAL_V4)
    return inner in _GLOBAL_UNICAST and not inner.is_site_local and not any(inner in n for n in _SPECIAL_V6)
