"""Connections go to the checked address and still speak to the name; calls are counted without naming anybody."""

import ssl
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from engine.actions.api import Api
from engine.actions.connections.values import ConnectionKind
from engine.actions.interface import Failed, Result, Succeeded
from engine.actions.outbound.circuits import CircuitConfig
from tests.actions.certificates import Certificate, certificate_for
from tests.actions.connected import Connections, Names, context_of, tools_allowing
from tests.actions.servers import answer, http_server

FAILURES = CircuitConfig().failures


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate_for("secure.example", tmp_path_factory.mktemp("tls"))


async def over_tls(context: ssl.SSLContext, authority: str | None) -> tuple[Result, list[str]]:
    async with http_server(lambda _: answer(200), context) as server:
        connections = Connections()
        settings = {"baseUrl": f"https://secure.example:{server.port}"}
        if authority is not None:
            settings["caCertificate"] = authority
        connections.add("c", ConnectionKind.HTTP, dict(settings), {"token": "tok-123456"})
        names = Names(secure_example=[["127.0.0.1"], ["10.0.0.1"]])
        tools = tools_allowing("127.0.0.1", connections=connections, names=names)
        result = await Api(tools).run(context_of({"connection": "c", "url": "/"}))
        await tools.close()
        return result, [request.headers["host"].partition(":")[0] for request in server.requests]


async def test_name_and_certificate_are_those_of_the_url_not_of_the_address(certificate: Certificate) -> None:
    asked: list[str | None] = []
    context = certificate.server_context()
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    result, hosts = await over_tls(context, certificate.pem)
    assert isinstance(result, Succeeded), result
    assert (asked, hosts) == (["secure.example"], ["secure.example"])


async def test_a_certificate_that_does_not_verify_gets_no_request(certificate: Certificate, tmp_path: Path) -> None:
    other = certificate_for("other.example", tmp_path)
    for context, authority in (
        (certificate.server_context(), None),
        (other.server_context(), other.pem),
    ):
        result, hosts = await over_tls(context, authority)
        assert isinstance(result, Failed)
        assert (result.code, result.retryable, hosts) == ("http.certificate_refused", False, [])


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_calls_and_circuits_are_counted() -> None:
    ok, unhealthy = (value("maestro_outbound_calls_total", protocol="http", outcome=o) for o in ("ok", "unhealthy"))
    rejected = value("maestro_outbound_calls_total", protocol="http", outcome="rejected")
    opened = value("maestro_outbound_circuits", state="open")
    tools = tools_allowing("127.0.0.1")
    async with http_server(lambda _: answer(200)) as good, http_server(lambda _: answer(500)) as bad:
        await Api(tools).run(context_of({"url": good.url}))
        for _ in range(FAILURES + 1):
            await Api(tools).run(context_of({"url": bad.url}))
    await tools.close()
    assert value("maestro_outbound_calls_total", protocol="http", outcome="ok") == ok + 1
    assert value("maestro_outbound_calls_total", protocol="http", outcome="unhealthy") == unhealthy + FAILURES
    assert value("maestro_outbound_calls_total", protocol="http", outcome="rejected") == rejected + 1
    assert value("maestro_outbound_circuits", state="open") == opened + 1


def test_labels_are_closed_sets() -> None:
    allowed = {"protocol", "outcome", "state", "le"}
    for family in REGISTRY.collect():
        if family.name.startswith("maestro_outbound"):
            assert all(set(sample.labels) <= allowed for sample in family.samples)
