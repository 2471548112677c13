"""The end of the sample: the evidence is exported, and a program that knows nothing of the product verifies it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx

from scripts.demo.doors import SampleFailed

VERIFIER: Final = Path(__file__).parents[1] / "verify-bundle"
_PATIENCE_S: Final = 60.0
_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.2


def prove(api: str, token: str, execution_id: str, folder: Path, say: Callable[[str], None]) -> None:
    """Export the bundle as soon as the ledger has confirmed it, and verify it.

    Raises:
        SampleFailed: there was no bundle, or it is not valid.
    """
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=api, headers=headers, timeout=_TIMEOUT_S, trust_env=False) as client:
        bundle = folder / f"evidence-{execution_id}.tar.gz"
        bundle.write_bytes(_exported(client, execution_id, say))
    say(f"exported {bundle.stat().st_size:,} bytes of evidence to {bundle}")
    command = [sys.executable, str(VERIFIER), str(bundle)]
    verdict = subprocess.run(
        command,
        env={**os.environ, "MAESTRO_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    for line in (verdict.stdout + verdict.stderr).splitlines():
        say(f"  verify-bundle: {line}")
    if verdict.returncode != 0:
        raise SampleFailed(f"The bundle was not verified (exit {verdict.returncode}).")


def _exported(client: httpx.Client, execution_id: str, say: Callable[[str], None]) -> bytes:
    deadline = time.monotonic() + _PATIENCE_S
    has_waited = False
    while True:
        answer = client.get(f"/api/executions/{execution_id}/evidence")
        if answer.status_code == httpx.codes.OK:
            return answer.content
        if answer.status_code != httpx.codes.CONFLICT or time.monotonic() > deadline:
            raise SampleFailed(f"The evidence could not be exported: {answer.status_code} {answer.text}")
        if not has_waited:
            say("waiting for the ledger to confirm the evidence")
            has_waited = True
        time.sleep(_POLL_S)
