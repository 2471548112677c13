"""The whole product with a real OPA server beside it: API and worker ask nobody else, and nothing passes without it."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.clock import SystemClock
from engine.policy.bundle import load_bundle, pack_bundle, read_policies
from engine.policy.evaluator import DECISION_RULE
from engine.settings import load_token_signing
from scripts.benchmark.stack import Shape, Stack, running_stack
from scripts.cli.token import Claims, signed_token
from scripts.embedded.ports import LOOPBACK, free_port
from tests.federation.edge import workflow
from tests.policy.evaluators import ORACLE

POLICIES = Path(__file__).parents[2] / "policies"
OPA = shutil.which("opa", path=str(ORACLE))
PATIENCE_S = 60
LISTENING = {"id": "told", "type": "event", "config": {"eventType": "shop.ordered"}}

pytestmark = [
    pytest.mark.processes,
    pytest.mark.server,
    pytest.mark.skipif(OPA is None, reason="no OPA server: it is built from its Go module where Go is there"),
]


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it did not come to be in time"
        time.sleep(0.05)


@contextmanager
def deciding(address: str, folder: Path) -> Iterator[None]:
    """An OPA server with the packed bundle, until the block ends."""
    bundle = folder / "bundle.tar.gz"
    bundle.write_bytes(pack_bundle(read_policies(POLICIES)))
    command = [str(OPA), "run", "--server", "--addr", address, "--log-level", "error", "--disable-telemetry"]
    with (folder / "opa.log").open("wb") as log:
        server = subprocess.Popen([*command, "--bundle", str(bundle)], stdout=log, stderr=log)
    try:
        wait_for(lambda: _answers(f"http://{address}/health?bundles&plugins"))
        # The product gives it a second for each decision; its first one takes longer where cores are busy.
        httpx.post(f"http://{address}/v1/data/{DECISION_RULE}", json={"input": {}}, trust_env=False, timeout=PATIENCE_S)
        yield
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


class Caller:
    """Somebody with roles, over REST."""

    def __init__(self, stack: Stack, *roles: str) -> None:
        signing = load_token_signing(stack.environment)
        token = signed_token(signing, Claims("ann", "default", roles), SystemClock().now())
        self._url = f"http://{LOOPBACK}:{stack.port}"
        self._headers = {"authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        url = self._url + path
        answer = httpx.request(method, url, json=body, headers=self._headers, trust_env=False, timeout=PATIENCE_S)
        return answer.status_code, answer.json()

    def ended(self) -> set[str]:
        return {one["id"] for one in self.ask("GET", "/api/executions?status=completed")[1]}


@pytest.fixture
def address() -> str:
    return f"{LOOPBACK}:{free_port()}"


@pytest.fixture
def stack(tmp_path: Path, address: str) -> Iterator[Stack]:
    """API and worker that know of no other evaluator; ready before there is a server, and not without."""
    with deciding(address, tmp_path):
        opening = running_stack(Shape(provenance=False, environment={"MAESTRO_OPA_URL": f"http://{address}"}))
        stack = opening.__enter__()
    yield stack
    opening.__exit__(None, None, None)


def test_all_decisions_are_the_servers_and_nothing_passes_while_it_is_away(
    stack: Stack, address: str, tmp_path: Path
) -> None:
    admin, viewer = Caller(stack, "admin"), Caller(stack, "viewer")
    ready = f"http://{LOOPBACK}:{stack.port}/readyz"
    assert not _answers(ready)
    for method, path in (("POST", "/api/workflows"), ("GET", "/api/executions")):
        status, refusal = admin.ask(method, path, workflow() if method == "POST" else None)
        assert (status, refusal["code"]) == (503, "policy.unavailable")

    with deciding(address, tmp_path):
        wait_for(lambda: _answers(ready))
        assert admin.ask("GET", "/api/workflows")[1] == []
        _, created = admin.ask("POST", "/api/workflows", workflow(triggers=[LISTENING]))
        path = f"/api/workflows/{created['id']}"
        assert admin.ask("POST", f"{path}/publish", {"bump": "major"})[0] == 201
        status, refusal = viewer.ask("POST", f"{path}/execute", {})
        assert (status, refusal["policyRevision"]) == (403, load_bundle(POLICIES).revision)
        assert [one["code"] for one in refusal["denials"]] == ["role.missing"]
        assert admin.ask("POST", f"{path}/execute", {})[0] == 201
        # The worker asks, too: who emits the event is not who starts the execution.
        assert admin.ask("POST", "/api/events", {"type": "shop.ordered", "payload": {}})[0] == 202
        wait_for(lambda: len(admin.ended()) == 2)

    assert admin.ask("POST", f"{path}/execute", {})[0] == 503
    with deciding(address, tmp_path):
        wait_for(lambda: _answers(ready))
        assert len(admin.ask("GET", "/api/executions")[1]) == 2
