"""One run: everything started in order, watched while it serves, and stopped whatever happens."""

import asyncio
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from engine.clock import SystemClock
from engine.errors import ConfigurationError, MaestroError
from engine.settings import load, load_migration, load_token_signing
from engine.store.migrate import migrate
from scripts.cli.token import Claims, signed_token
from scripts.embedded.environment import data_folder, ledger_state_file, with_own_secrets, worker_metrics_file
from scripts.embedded.ports import LOOPBACK, free_port, is_free
from scripts.embedded.process import spawn, stop
from scripts.embedded.state import ServerState, write_state
from scripts.supervisor.children import Child, describe_end
from scripts.supervisor.console import Console
from scripts.supervisor.lock import sole_use
from scripts.supervisor.processes import (
    has_ledger,
    maestro,
    receiver,
    sample,
    with_ledger,
    with_receiver,
    with_worker_metrics,
    write_process_ids,
)
from scripts.supervisor.servers import Servers
from scripts.traces.sample import draw_newest

TRACE_DIR = "MAESTRO_TRACE_DIR"
_WATCH_S = 0.1
_READY_S = 120.0
_PROBE_S = 2.0
_STILL_WAITING_S = 5.0
_STOP_S = {"worker": 15.0}
_STOP_DEFAULT_S = 10.0
# Stand for the URLs that the embedded servers will have, while the rest of the settings is checked.
_EMBEDDED_URLS = {"MAESTRO_DATABASE_URL": "postgresql://embedded/maestro", "MAESTRO_REDIS_URL": "redis://embedded/0"}
_CONFIGURATION_EXIT = 78
_INTERRUPTED_EXIT = 130


class Interrupted(Exception):
    """Somebody asked the run to end."""


@dataclass(frozen=True, slots=True)
class Options:
    """Switches of the command.

    Attributes:
        once: end after the sample job, with its result.
        demo: run the sample job at all.
        draws_trace: have all processes record spans, and draw those of the sample job as text.
    """

    once: bool = False
    demo: bool = True
    draws_trace: bool = False


class Run:
    """Everything between the command's start and its end."""

    def __init__(self, options: Options, environment: dict[str, str], console: Console) -> None:
        self._options = options
        self._console = console
        self._environment = environment
        self._data = data_folder(environment)
        self._servers = Servers(console, self._data)
        self._children: list[Child] = []
        self._stop = threading.Event()
        self._receiver_port = 0

    def execute(self) -> int:
        """Exit code of the command. Whatever was started is stopped when this returns or raises."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            with sole_use(self._data):
                try:
                    return self._serve()
                finally:
                    self._stop_all()
        except Interrupted:
            return 0 if not self._options.once else _INTERRUPTED_EXIT
        except MaestroError as error:
            self._console.error(error.message)
            return _CONFIGURATION_EXIT if isinstance(error, ConfigurationError) else 1

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stop.set()

    def _serve(self) -> int:
        self._prepare()
        self._start_children()
        self._wait_until_ready()
        self._introduce()
        if self._options.demo:
            code = self._demonstrate()
            if self._options.once:
                return code
        self._console.say("Serving until Ctrl-C.")
        while True:
            self._watch()

    def _prepare(self) -> None:
        """Servers, secrets, the database's version: all that the processes stand on."""
        (self._data / "logs").mkdir(parents=True, exist_ok=True)
        environment = with_own_secrets({**self._environment, "MAESTRO_DATA_DIR": str(self._data)})
        if self._options.draws_trace and not environment.get(TRACE_DIR):
            environment[TRACE_DIR] = str(self._data / "traces")
        _require_sound_settings(environment)
        environment = self._servers.start(environment)
        self._leave_if_asked()
        self._console.say("Database: bringing it to this program's version")
        urls = load_migration(environment)
        asyncio.run(migrate(urls.owner, application_login=urls.application_login))
        self._leave_if_asked()
        if self._options.demo:
            self._receiver_port = free_port()
            environment = with_receiver(environment, self._receiver_port)
        self._environment = environment

    def _start_children(self) -> None:
        environment, logs, settings = self._environment, self._data / "logs", load(self._environment)
        if has_ledger() and settings.ledger_url is None:
            environment = self._environment = with_ledger(environment, settings.port)
            self._children.append(maestro("ledger", environment, logs))
            note = ledger_state_file(self._data)
            note.parent.mkdir(exist_ok=True)
            write_state(note, ServerState(os.getpid(), int(environment["MAESTRO_LEDGER_PORT"])))
        environment = self._environment = with_worker_metrics(environment)
        metrics = ServerState(os.getpid(), int(environment["MAESTRO_METRICS_PORT"]))
        write_state(worker_metrics_file(self._data), metrics)
        if self._options.demo:
            self._children.append(receiver(self._receiver_port, environment, self._data))
        self._children += [maestro("api", environment, logs), maestro("worker", environment, logs)]
        for child in self._children:
            child.start()
            self._console.say(f"{child.name}: process {child.pid}, log {child.log}")
        self._note_processes()

    def _wait_until_ready(self) -> None:
        settings = load(self._environment)
        deadline, said_at = time.monotonic() + _READY_S, time.monotonic()
        while (said := _readiness(settings.host, settings.port)) is not None:
            self._watch(is_starting=True)
            if time.monotonic() > deadline:
                raise ConfigurationError(f"The API was not ready after {_READY_S:.0f} s: {said}", code="run.not_ready")
            if time.monotonic() - said_at > _STILL_WAITING_S:
                said_at = time.monotonic()
                self._console.say(f"waiting for the API: {said}")

    def _introduce(self) -> None:
        settings = load(self._environment)
        base = f"http://{settings.host}:{settings.port}"
        self._console.say("Ready.")
        self._console.plain(f"\n  GraphQL    {base}/graphql")
        self._console.plain(f"  REST       {base}/api        documentation {base}/docs")
        self._console.plain(f"  Health     {base}/readyz     metrics {base}/metrics")
        worker = self._environment["MAESTRO_METRICS_PORT"]
        self._console.plain(f"  Worker     metrics http://{settings.host}:{worker}/metrics     live view: maestro top")
        if settings.ledger_url is not None:
            self._console.plain(f"  Ledger     {settings.ledger_url}")
        if settings.jwt_secret is not None:
            self._console.plain("\n  A token of an administrator of tenant `default`, valid for a day:\n")
            self._console.plain(f"  {self._token('developer', 'admin')}\n")

    def _token(self, subject: str, role: str) -> str:
        signing = load_token_signing(self._environment)
        return signed_token(signing, Claims(subject, "default", (role,)), SystemClock().now())

    def _demonstrate(self) -> int:
        """Run the sample job while the processes are watched, so that the killed worker comes back."""
        if not self._environment.get("MAESTRO_JWT_SECRET"):
            self._console.say("The sample job is left out: tokens are signed elsewhere (MAESTRO_JWKS_URL).")
            return 0
        settings = load(self._environment)
        told = {
            **self._environment,
            "MAESTRO_SAMPLE_API": f"http://{settings.host}:{settings.port}",
            "MAESTRO_SAMPLE_RECEIVER": f"http://{LOOPBACK}:{self._receiver_port}",
            "MAESTRO_SAMPLE_TOKEN": self._token("sample-operator", "admin"),
        }
        job = spawn(sample(told))
        try:
            while job.poll() is None:
                self._watch()
        finally:
            stop(job, signal.SIGKILL, patience_s=_STOP_DEFAULT_S)
        if self._options.draws_trace:
            for line in draw_newest(Path(self._environment[TRACE_DIR])):
                self._console.plain(f"  {line}")
        self._console.say(f"The sample job {'completed' if job.returncode == 0 else describe_end(job.returncode)}.")
        return 0 if job.returncode == 0 else 1

    def _watch(self, *, is_starting: bool = False) -> None:
        """Look after every child once, then wait a moment.

        Raises:
            ConfigurationError: a child cannot even start; its last words are in the message.
            Interrupted: somebody asked the run to end.
        """
        for child in self._children:
            before = child.pid
            ending = child.watch()
            if ending is not None:
                if is_starting and ending.code > 0:
                    raise ConfigurationError(
                        f"{child.name} {describe_end(ending.code)} while it started; from {child.log}:\n"
                        f"{child.last_words()}",
                        code="run.child_failed",
                    )
                pause = f" in {ending.pause_s:.1f} s" if ending.pause_s else ""
                self._console.say(f"{child.name}: {describe_end(ending.code)}; starting it again{pause}")
            elif child.pid != before and child.pid is not None:
                self._console.say(f"{child.name}: started again, process {child.pid}")
                self._note_processes()
        self._stop.wait(_WATCH_S)
        self._leave_if_asked()

    def _leave_if_asked(self) -> None:
        if self._stop.is_set():
            raise Interrupted

    def _note_processes(self) -> None:
        write_process_ids(self._data / "processes.txt", self._children)

    def _stop_all(self) -> None:
        if not self._children and not self._servers.started:
            return
        self._console.say("Stopping everything that was started ...")
        for child in self._children:
            child.ask_to_stop()
        while self._children:
            child = self._children.pop()
            child.stop(patience_s=_STOP_S.get(child.name, _STOP_DEFAULT_S))
        self._servers.stop()
        notes = (self._data / "processes.txt", ledger_state_file(self._data), worker_metrics_file(self._data))
        for note in notes:
            note.unlink(missing_ok=True)
        self._console.say("Stopped.")


def _require_sound_settings(environment: dict[str, str]) -> None:
    """Find what is malformed, and a port in use, before anything is started.

    Raises:
        ConfigurationError: with one line for each fault.
    """
    given = {name: value for name, value in environment.items() if value.strip()}
    settings = load({**_EMBEDDED_URLS, **given})
    if not is_free(settings.host, settings.port):
        raise ConfigurationError(
            f"Port {settings.port} of {settings.host} is in use by another program. Stop it, or set MAESTRO_PORT.",
            code="run.port_in_use",
        )


def _readiness(host: str, port: int) -> str | None:
    """What keeps the API from being ready; `None` when it is."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/readyz", timeout=_PROBE_S) as answer:
            return None if answer.status == 200 else f"status {answer.status}"
    except urllib.error.HTTPError as error:
        return error.read(500).decode(errors="replace")
    except OSError as error:
        return str(getattr(error, "reason", error))
