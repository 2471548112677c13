"""A table of attacks (OWASP API7:2023), for every protocol that opens a connection for a step."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.actions.api import Api
from engine.actions.connections.values import ConnectionKind
from engine.actions.database import Database
from engine.actions.email import Email
from engine.actions.interface import Action, Failed, Result, Succeeded
from engine.actions.outbound.allow import AllowList
from engine.actions.outbound.errors import OutboundError
from engine.actions.outbound.guard import OutboundGuard, Ports, SystemResolver
from engine.actions.tools import ActionTools, make_tools
from engine.clock import SystemClock
from engine.jsonvalue import JsonObject
from tests.actions.connected import Connections, Names, context_of, tools_allowing
from tests.actions.servers import Received, answer, http_server

BAD_HOSTS = [
    "127.0.0.1", "127.1", "2130706433", "0x7f.1", "017700000001", "0", "localhost", "[::1]", "[::ffff:10.0.0.1]",
    "[::ffff:7f00:1]", "[::7f00:1]", "[64:ff9b::a00:1]", "[2002:a00:1::1]", "[fec0::1]", "[fe80::1]", "169.254.169.254",
    "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1", "192.0.0.8", "224.0.0.1",
]  # fmt: skip


def refusal_of(result: Result) -> str:
    assert isinstance(result, Failed), result
    assert not result.retryable
    assert result.details == {"sent": False}
    return result.code


async def ask(tools: ActionTools, url: str, **config: object) -> Result:
    try:
        return await Api(tools).run(context_of({"url": url, **config}))  # type: ignore[dict-item] # JSON by construction
    finally:
        await tools.close()


async def over(action: str, host: str, port: int, tools_names: Names | None = None) -> Result:
    """One attempt of an action whose connection names the host."""
    connections = Connections()
    bare = host.strip("[]")
    tools = tools_allowing(connections=connections, names=tools_names)
    if action == "email":
        connections.add("c", ConnectionKind.SMTP, {"host": bare, "port": port, "from": "a@example.org"})
        made: Action = Email(tools)
        config: JsonObject = {"connection": "c", "to": "b@example.org", "subject": "s", "text": "t"}
    else:
        settings: JsonObject = {"host": bare, "port": port, "database": "d", "username": "u", "tls": "disable"}
        connections.add("c", ConnectionKind.POSTGRESQL, settings)
        made = Database(tools)
        config = {"connection": "c", "statement": "select 1"}
    try:
        return await made.run(context_of(config))
    finally:
        await tools.close()


@pytest.mark.parametrize("host", BAD_HOSTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_http_to_an_address_that_is_not_public_is_refused(scheme: str, host: str) -> None:
    assert refusal_of(await ask(tools_allowing(), f"{scheme}://{host}/")) == "outbound.address_refused"


@pytest.mark.parametrize("host", BAD_HOSTS)
async def test_mail_to_an_address_that_is_not_public_is_refused(host: str) -> None:
    assert refusal_of(await over("email", host, 587)) == "outbound.address_refused"


@pytest.mark.parametrize("host", BAD_HOSTS)
async def test_a_database_at_an_address_that_is_not_public_is_refused(host: str) -> None:
    assert refusal_of(await over("database", host, 5432)) == "outbound.address_refused"


@pytest.mark.parametrize("action", ["api", "email", "database"])
@pytest.mark.parametrize("host", ["metadata.google.internal", "METADATA.google.internal.", "metadata"])
async def test_metadata_names_are_refused_whatever_they_resolve_to(action: str, host: str) -> None:
    names = Names(**{host.lower().rstrip("."): [["93.184.215.14"]]})
    result = await (
        ask(tools_allowing(names=names), f"http://{host}/")
        if action == "api"
        else over(action, host, 587 if action == "email" else 5432, names)
    )
    assert refusal_of(result) == "outbound.address_refused"


@pytest.mark.parametrize("action", ["api", "email", "database"])
async def test_a_name_with_one_public_and_one_private_address_is_refused(action: str) -> None:
    names = Names(half_example=[["93.184.215.14", "10.0.0.1"]])
    result = await (
        ask(tools_allowing(names=names), "http://half.example/")
        if action == "api"
        else over(action, "half.example", 587 if action == "email" else 5432, names)
    )
    assert refusal_of(result) == "outbound.address_refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://good@10.0.0.1/", "http://user:secret@example.org/", "http://@example.org/", "ftp://example.org/",
        "file:///etc/passwd", "gopher://example.org/", "javascript:alert(1)", "//example.org/", "/only/a/path", "http://",
        "http:///x", "http://exa mple.org/", "http://example.org\\@10.0.0.1/", "http://example.org\r\nHost: x/",
        "http://example.org:99999/", "http://[::1/", "http://0177.0.0.1/", "data:text/plain,x", "http://%31%32%37.0.0.1:x/",
    ],
)  # fmt: skip
async def test_urls_that_are_no_plain_web_addresses_are_refused(url: str) -> None:
    assert refusal_of(await ask(tools_allowing(), url)) == "outbound.url_refused"


@pytest.mark.parametrize("port", [22, 25, 110, 5432, 6379, 9200, 11211, 27017, 2375, 10250])
async def test_ports_of_other_services_are_refused(port: int) -> None:
    names = Names(public_example=[["93.184.215.14"]])
    assert (
        refusal_of(await ask(tools_allowing(names=names), f"http://public.example:{port}/")) == "outbound.port_refused"
    )


@pytest.mark.parametrize("port", [80, 443, 2525, 5432])
async def test_mail_goes_to_mail_ports_only(port: int) -> None:
    names = Names(public_example=[["93.184.215.14"]])
    assert refusal_of(await over("email", "public.example", port, names)) == "outbound.port_refused"


async def test_an_entry_with_a_port_opens_that_port_and_no_other() -> None:
    tools = tools_allowing("127.0.0.1:6379")
    assert await tools.guard.addresses("127.0.0.1", 6379, Ports.WEB)
    with pytest.raises(OutboundError, match="public"):
        await tools.guard.addresses("127.0.0.1", 6380, Ports.WEB)
    await tools.close()


@pytest.fixture
async def private() -> AsyncIterator[tuple[int, list[Received]]]:
    """A server on this machine that no step may reach, unless the test's operator allows it."""
    async with http_server(lambda _: answer(body=b"secret")) as server:
        yield server.port, server.requests


async def test_the_connection_goes_to_the_address_that_was_checked(private: tuple[int, list[Received]]) -> None:
    """The name answers with an allowed address once and with others later: one look-up, and that address is used."""
    port, received = private
    names = Names(rebinding_example=[["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"]])
    tools = tools_allowing("127.0.0.1", names=names)
    result = await ask(tools, f"http://rebinding.example:{port}/")
    assert isinstance(result, Succeeded)
    assert names.asked == ["rebinding.example"]
    assert received[0].headers["host"] == f"rebinding.example:{port}"


async def test_a_name_that_turns_private_after_the_first_call_is_refused(private: tuple[int, list[Received]]) -> None:
    port, received = private
    names = Names(turning_example=[["93.184.215.14"], ["127.0.0.1"]])
    tools = tools_allowing(names=names)
    assert await tools.guard.addresses("turning.example", port, Ports.WEB)
    assert refusal_of(await ask(tools, f"http://turning.example:{port}/")) == "outbound.address_refused"
    assert received == []


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://127.0.0.1:{private}/", "outbound.address_refused"),
        ("http://2130706433:{private}/", "outbound.address_refused"),
        ("http://169.254.169.254/latest/meta-data/", "outbound.address_refused"),
        ("http://[::ffff:10.0.0.1]/", "outbound.address_refused"),
        ("http://good@10.0.0.1/", "outbound.url_refused"),
        ("file:///etc/passwd", "outbound.url_refused"),
        ("//10.0.0.1/", "outbound.address_refused"),
    ],
)
async def test_a_redirect_to_a_bad_place_is_refused(
    private: tuple[int, list[Received]], location: str, code: str
) -> None:
    port, received = private
    target = location.format(private=port)
    async with http_server(lambda _: answer(302, Location=target)) as front:
        result = await ask(tools_allowing(f"127.0.0.1:{front.port}"), front.url, followRedirects=True)
    assert refusal_of(result) == code
    assert received == []


async def test_redirects_are_not_followed_unless_asked_for() -> None:
    async with http_server(lambda _: answer(302, Location="/next")) as server:
        result = await ask(tools_allowing("127.0.0.1"), server.url)
    assert isinstance(result, Failed)
    assert (result.code, len(server.requests)) == ("http.302", 1)


async def test_at_most_five_redirects_are_followed() -> None:
    async with http_server(lambda _: answer(302, Location="/again")) as server:
        result = await ask(tools_allowing("127.0.0.1"), server.url, followRedirects=True)
    assert isinstance(result, Failed)
    assert (result.code, result.retryable, len(server.requests)) == ("http.too_many_redirects", False, 6)


async def test_switched_off_the_guard_lets_pass_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    guard = OutboundGuard(AllowList(), SystemResolver(), enforce=False)
    assert [str(a) for a in await guard.addresses("127.0.0.1", 22, Ports.WEB)] == ["127.0.0.1"]
    assert "switched off" in caplog.text


async def test_a_slow_look_up_is_bounded_by_the_calls_own_time() -> None:
    async def never(_host: str, _port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    tools = make_tools(AllowList(), Connections(), SystemClock(), resolver=never)
    result = await ask(tools, "http://slow.example/", timeoutMs=50)
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == ("http.timeout", True)
