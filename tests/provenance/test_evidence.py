"""From a publish and an execution to a bundle that the stand-alone verifier accepts."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.jsonvalue import JsonObject
from tests.provenance.conftest import House
from tests.verifier.bundles import unpack

REPOSITORY = Path(__file__).parents[2]


def step(step_id: str, *targets: str, **config: object) -> JsonObject:
    return {
        "id": step_id,
        "name": step_id,
        "type": "action",
        "config": {"actionType": "noop", "actionConfig": {}, **config},
        "connections": [{"targetStepId": target} for target in targets],
    }  # type: ignore[return-value]


def verdict(house: House, folder: Path, bundle: bytes) -> subprocess.CompletedProcess[str]:
    file = folder / "bundle.tar.gz"
    file.write_bytes(bundle)
    command = [
        sys.executable,
        str(REPOSITORY / "scripts" / "verify-bundle"),
        str(file),
        "--keys",
        str(house.trust / "keys"),
    ]
    log_key = ["--log-key", (house.trust / "log.vkey").read_text().strip()]
    return subprocess.run([*command, *log_key], capture_output=True, text=True, check=False)


async def test_a_finished_execution_can_be_verified_by_strangers(house: House, tmp_path: Path) -> None:
    execution_id = await house.sealed(trigger={"severity": "high"})

    answer = await house.bundle(execution_id)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/gzip"
    assert answer.headers["content-disposition"] == f'attachment; filename="evidence-{execution_id}.tar.gz"'
    said = verdict(house, tmp_path, answer.content)
    assert said.returncode == 0, said.stdout + said.stderr
