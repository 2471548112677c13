import pytest

from engine.actions.outbound.addresses import is_public, parse_address, unwrap
from engine.actions.outbound.allow import AllowList
from engine.errors import ConfigurationError


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.1", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.9", "192.0.2.1", "192.88.99.1",
        "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1",
        "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:a00:1::1", "2002:7f00:1::",
        "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1",
    ],
)  # fmt: skip
def test_special_addresses_are_not_public(text: str) -> None:
    assert not is_public(parse_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "172.32.0.1",
        "2606:4700::1111",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)
def test_global_unicast_is_public(text: str) -> None:
    assert is_public(parse_address(text))


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::7f00:1", "127.0.0.1"),
        ("2002:a00:1::1", "10.0.0.1"),
        ("64:ff9b::a00:1", "10.0.0.1"),
        ("2606:4700::1111", "2606:4700::1111"),
    ],
)
def test_addresses_are_unwrapped(text: str, inner: str) -> None:
    assert unwrap(parse_address(text)) == parse_address(inner)


@pytest.mark.parametrize(
    ("entry", "host", "address", "port", "permitted"),
    [
        ("10.0.0.0/8", "a.example", "10.1.2.3", 8080, True),
        ("10.0.0.0/8", "a.example", "::ffff:10.1.2.3", 8080, True),
        ("10.0.0.0/8", "a.example", "11.1.2.3", 8080, False),
        ("fd00::/8", "a.example", "fd00::1", 443, True),
        ("127.0.0.1:9000", "localhost", "127.0.0.1", 9000, True),
        ("127.0.0.1:9000", "localhost", "127.0.0.1", 9001, False),
        ("[::1]:9000", "localhost", "::1", 9000, True),
        ("::1", "localhost", "::1", 1, True),
        ("internal.example", "internal.example", "10.0.0.1", 80, True),
        ("Internal.Example.", "internal.example", "10.0.0.1", 80, True),
        ("internal.example", "evil.internal.example", "10.0.0.1", 80, False),
        ("internal.example:80", "internal.example", "10.0.0.1", 81, False),
    ],
)
def test_entries_cover_exactly_what_they_say(
    entry: str,
    host: str,
    address: str,
    port: int,
    permitted: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert AllowList.parse([entry]).permits(host, parse_address(address), port) is permitted


@pytest.mark.parametrize(
    "entry", ["10.0.0.0/33", "host:port", "host:", "host:0", "a b", "*.example", "user@host", "[::1]:x"]
)
def test_an_entry_that_is_none_stops_the_process(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="MAESTRO_OUTBOUND_ALLOW"):
        AllowList.parse([entry])
