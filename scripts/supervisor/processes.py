"""Which processes a run consists of, and what each is told."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from signal import SIGKILL
from typing import Final

from scripts.embedded.ports import LOOPBACK, free_port, is_free
from scripts.embedded.process import Command
from scripts.supervisor.children import Child

ROOT: Final = Path(__file__).resolve().parents[2]
# Private keys are the ledger's alone: no process of the engine ever holds one.
_LEDGER_ONLY: Final = ("MAESTRO_LEDGER_SIGNING_KEY", "MAESTRO_EVIDENCE_SIGNING_KEY")


def has_ledger() -> bool:
    """Whether this tree has the ledger's application."""
    return find_spec("ledger.app") is not None


def with_ledger(environment: Mapping[str, str], api_port: int) -> dict[str, str]:
    """The environment with the address of a ledger of our own: the API's port + 1, or a free one."""
    completed = dict(environment)
    wanted = int(environment.get("MAESTRO_LEDGER_PORT") or api_port + 1)
    port = wanted if wanted < 65_536 and is_free(LOOPBACK, wanted) else free_port()
    completed["MAESTRO_LEDGER_PORT"] = str(port)
    completed["MAESTRO_LEDGER_URL"] = f"http://{LOOPBACK}:{port}"
    return completed


def with_receiver(environment: Mapping[str, str], port: int) -> dict[str, str]:
    """The environment in which steps may reach the sample's receiver: one allow-list entry; the guard stays on."""
    completed = dict(environment)
    allowed = [item for item in (environment.get("MAESTRO_OUTBOUND_ALLOW"), f"{LOOPBACK}:{port}") if item]
    completed["MAESTRO_OUTBOUND_ALLOW"] = ",".join(allowed)
    return completed


def with_worker_metrics(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with a port for the worker's metrics: the one that is set, or a free one."""
    port = environment.get("MAESTRO_METRICS_PORT") or str(free_port())
    return {**environment, "MAESTRO_METRICS_PORT": port}


def maestro(name: str, environment: Mapping[str, str], logs: Path) -> Child:
    """A process `maestro <name>`. Killing it at any moment is safe, so that is what happens when we die."""
    told = {key: value for key, value in environment.items() if name == "ledger" or key not in _LEDGER_ONLY}
    if name != "worker":
        told.pop("MAESTRO_METRICS_PORT", None)  # one port serves one process: here it is the worker's
    program = Path(sys.executable).with_name("maestro")
    log = logs / f"{name}.log"
    return Child(name, log, Command([program, name], log, SIGKILL, environment=told, folder=ROOT))


def receiver(port: int, environment: Mapping[str, str], data: Path) -> Child:
    """The sample's receiver, with a log of its own."""
    arguments: list[str | Path] = [
        sys.executable,
        "-m",
        "scripts.demo.receiver",
        "--port",
        str(port),
        "--log",
        data / "receiver.jsonl",
    ]
    log = data / "logs" / "receiver.log"
    return Child("receiver", log, Command(arguments, log, SIGKILL, environment=environment, folder=ROOT))


def sample(environment: Mapping[str, str]) -> Command:
    """The sample job, speaking to our own output."""
    return Command([sys.executable, "-m", "scripts.demo"], None, SIGKILL, environment=environment, folder=ROOT)


def write_process_ids(file: Path, children: list[Child]) -> None:
    """Leave the process ids for the sample and for operators, replaced in one step."""
    draft = file.with_suffix(".new")
    draft.write_text("".join(f"{child.name} {child.pid}\n" for child in children if child.pid is not None))
    draft.replace(file)
