"""The HTTP adapter against a real OPA server with the packed bundle."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.clock import SystemClock
from engine.policy.bundle import load_bundle, pack_bundle, read_policies
from engine.policy.embedded import EmbeddedEvaluator
from engine.policy.remote import OpaEvaluator
from scripts.embedded.ports import LOOPBACK, free_port
from tests.policy.cases import all_cases
from tests.policy.evaluators import ORACLE

POLICIES = Path(__file__).parents[2] / "policies"
OPA = shutil.which("opa", path=str(ORACLE))
PATIENCE_S = 60.0

pytestmark = pytest.mark.skipif(OPA is None, reason="no OPA server: it is built from its Go module where Go is there")


@pytest.fixture
async def opa(tmp_path: Path) -> AsyncIterator[OpaEvaluator]:
    bundle = tmp_path / "bundle.tar.gz"
    bundle.write_bytes(pack_bundle(read_policies(POLICIES)))
    address = f"{LOOPBACK}:{free_port()}"
    command = [str(OPA), "run", "--server", "--addr", address, "--log-level", "error", "--disable-telemetry"]
    with (tmp_path / "opa.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(*command, "--bundle", str(bundle), stdout=log, stderr=log)
    evaluator = OpaEvaluator(f"http://{address}", SystemClock(), timeout_s=PATIENCE_S)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await evaluator.ready():  # noqa: ASYNC110 - a server tells nobody
                await asyncio.sleep(0.05)
        yield evaluator
    finally:
        await evaluator.close()
        server.terminate()
        await server.wait()


async def test_a_real_server_gives_the_same_verdicts_and_names_the_bundles_revision(opa: OpaEvaluator) -> None:
    bundle = load_bundle(POLICIES)
    embedded = EmbeddedEvaluator(bundle, SystemClock())
    assert await opa.ready() is True
    for case in all_cases():
        if case.rules is None:
            assert await opa.evaluate(case.request) == await embedded.evaluate(case.request), case.name
