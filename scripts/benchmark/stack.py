"""The product as it runs in production, for one benchmark: servers, ledger, API and workers as processes."""

import asyncio
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import psutil

from engine.clock import SystemClock
from engine.settings import load_token_signing
from engine.store.migrate import migrate
from scripts.cli.token import Claims, signed_token
from scripts.embedded.environment import with_own_secrets
from scripts.embedded.ports import LOOPBACK, free_port
from scripts.embedded.postgres import EmbeddedPostgres, PostgresConfig
from scripts.embedded.valkey import EmbeddedValkey, ValkeyConfig
from scripts.supervisor.children import Child
from scripts.supervisor.processes import maestro

_READY_S = 240.0
_STOP_S = 20.0
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Shape:
    """Which processes a workload runs on.

    Attributes:
        provenance: whether the ledger runs and executions leave evidence.
    """

    workers: int = 1
    apis: int = 1
    provenance: bool = True
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Stack:
    """A running product."""

    folder: Path
    environment: dict[str, str]
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    shape: Shape
    apis: list[Child] = field(default_factory=list)
    workers: list[Child] = field(default_factory=list)
    ledgers: list[Child] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Of the first API process."""
        return self.ports[0]

    @property
    def redis_url(self) -> str:
        """Of the Redis-protocol server."""
        return self.valkey.url

    @property
    def postgres_log(self) -> Path:
        """What PostgreSQL says."""
        return self.folder / "postgres" / "postgres.log"

    def token(self, subject: str = "bench") -> str:
        """Of an administrator of the default tenant."""
        signing = load_token_signing(self.environment)
        return signed_token(signing, Claims(subject, "default", ("admin",)), SystemClock().now())

    async def connect(self) -> asyncpg.Connection:
        """As superuser: for reading figures and for making rows that a benchmark needs."""
        database = self.postgres.url.rsplit("/", 1)[1].split("?")[0]
        return await asyncpg.connect(self.postgres.superuser_url.rsplit("/", 1)[0] + "/" + database)

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time of each part since it was started, children included."""
        parts = {
            "api": [child.pid for child in self.apis],
            "worker": [child.pid for child in self.workers],
            "ledger": [child.pid for child in self.ledgers],
            "postgres": [self.postgres.pid],
            "redis": [self.valkey.pid],
        }
        return {name: sum(_cpu_of(pid) for pid in pids if pid) for name, pids in parts.items()}

    def last_words(self) -> str:
        """What the processes logged last, for the message of a run that fails."""
        children = [*self.ledgers, *self.apis, *self.workers]
        return "\n".join(f"{child.name}:\n{child.last_words()}" for child in children)

    def start_worker(self) -> Child:
        """One more worker."""
        child = maestro("worker", self.environment, self.folder)
        child.start()
        self.workers.append(child)
        return child

    def start_api(self) -> None:
        """One more API process, ready when this returns."""
        port = free_port()
        child = maestro("api", {**self.environment, "MAESTRO_PORT": str(port)}, self.folder)
        child.start()
        self.apis.append(child)
        self.ports.append(port)
        _wait_until_ready(port, child)


@contextmanager
def running_stack(shape: Shape) -> Iterator[Stack]:
    """Start everything in a folder of its own; stop and remove it afterwards, whatever happened."""
    folder = Path(mkdtemp(prefix="maestro-bench-"))
    folder.chmod(0o755)
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = EmbeddedPostgres(PostgresConfig(folder / "postgres", durable=True))
        undo.callback(postgres.stop)
        postgres.start()
        valkey = EmbeddedValkey(ValkeyConfig(folder / "valkey", durable=True))
        undo.callback(valkey.stop)
        valkey.start()
        stack = Stack(folder, _environment(folder, postgres, valkey, shape), postgres, valkey, shape)
        undo.callback(_stop_children, stack)
        asyncio.run(migrate(postgres.url))
        _start_children(stack)
        yield stack


def _environment(folder: Path, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, shape: Shape) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment = {
        **kept,
        "MAESTRO_DATA_DIR": str(folder / "data"),
        "MAESTRO_DATABASE_URL": postgres.url,
        "MAESTRO_REDIS_URL": valkey.url,
        **shape.environment,
    }
    (folder / "data").mkdir(exist_ok=True)
    environment = with_own_secrets(environment)
    if shape.provenance:
        port = free_port()
        environment |= {"MAESTRO_LEDGER_PORT": str(port), "MAESTRO_LEDGER_URL": f"http://{LOOPBACK}:{port}"}
    return environment


def _start_children(stack: Stack) -> None:
    if stack.shape.provenance:
        ledger = maestro("ledger", stack.environment, stack.folder)
        ledger.start()
        stack.ledgers.append(ledger)
    for _ in range(stack.shape.workers):
        stack.start_worker()
    for _ in range(stack.shape.apis):
        stack.start_api()


def _stop_children(stack: Stack) -> None:
    children = [*stack.apis, *stack.workers, *stack.ledgers]
    for child in children:
        child.ask_to_stop()
    for child in children:
        child.stop(patience_s=_STOP_S)


def _wait_until_ready(port: int, child: Child) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=2):
                return
        except (OSError, urllib.error.URLError):
            if child.pid is None:
                break
        time.sleep(0.05)
    raise RuntimeError(f"the API did not become ready:\n{child.last_words()}")


def _cpu_of(pid: int) -> float:
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        own = process.cpu_times()
        spent = own.children_user + own.children_system
        for member in family:
            times = member.cpu_times()
            spent += times.user + times.system
    except psutil.NoSuchProcess:
        return 0.0
    return spent
