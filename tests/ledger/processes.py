"""Whole ledger processes for tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from scripts.embedded.ports import free_port

REPOSITORY = Path(__file__).parents[2]
_RUN = (
    "import asyncio; from ledger.serve import serve_ledger; from ledger.settings import LedgerSettings;"
    "asyncio.run(serve_ledger(LedgerSettings.from_environment()))"
)


class LedgerProcess:
    """One process on a port of its own, which it keeps over restarts."""

    def __init__(self, database_url: str, data_folder: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = data_folder / f"ledger-{self.port}.log"
        self._environment: Mapping[str, str] = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "MAESTRO_DATABASE_URL": database_url,
            "MAESTRO_DATA_DIR": str(data_folder),
            "MAESTRO_LEDGER_TOKEN": "service-token",
            "MAESTRO_LEDGER_PORT": str(self.port),
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _RUN], env=self._environment, cwd=REPOSITORY, stdout=log, stderr=log
            )

    def wait_ready(self, client: httpx.Client) -> None:
        """Until it answers; fails with its output if it ends instead."""
        while True:
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()
            try:
                client.get(f"{self.url}/livez")
            except httpx.TransportError:
                continue
            return

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        code = self._process.wait(timeout=120)
        self._process = None
        return code
