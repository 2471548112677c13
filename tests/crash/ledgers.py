"""The provenance ledger of a round, as a process that may be killed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from scripts.embedded.ports import free_port
from tests.crash.fleet import FORKS
from tests.crash.life import keep_the_log

TOKEN = "the-token-of-the-ledger-of-these-rounds"


@dataclass(slots=True)
class LedgerKeeper:
    """One ledger process on a port of its own, which it keeps over restarts."""

    database_url: Callable[[], str]
    folder: Path
    port: int = field(default_factory=free_port)
    _process: ForkServerProcess | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What workers must know of it."""
        return {"MAESTRO_LEDGER_URL": f"http://127.0.0.1:{self.port}", "MAESTRO_LEDGER_TOKEN": TOKEN}

    def keep_alive(self) -> None:
        """Start it where it does not run: it ends by itself when it finds no database at its start."""
        if self._process is not None and self._process.exitcode is None:
            return
        environment = {
            "MAESTRO_DATABASE_URL": self.database_url(),
            "MAESTRO_DATA_DIR": str(self.folder),
            "MAESTRO_LEDGER_TOKEN": TOKEN,
            "MAESTRO_LEDGER_PORT": str(self.port),
        }
        self.folder.mkdir(exist_ok=True)
        log = str(self.folder / "ledger.log")
        self._process = FORKS.Process(target=keep_the_log, args=(environment, log), daemon=True)
        self._process.start()

    def kill(self) -> None:
        """As by kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
