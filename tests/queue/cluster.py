"""Three masters of the Redis-protocol server on the loopback interface, as one cluster."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import redis

from scripts.embedded.ports import LOOPBACK, free_port, is_free
from scripts.embedded.valkey import find_binary

SLOTS = 16_384
WITHIN_S = 60.0
_BUS = 10_000
"""The bus of a node listens so far above its port."""


@contextmanager
def three_masters(folder: Path) -> Iterator[str]:
    """URL of one of them, for as long as the block lasts."""
    with ExitStack() as stack:
        ports = [stack.enter_context(_node(folder / f"node-{number}")) for number in range(3)]
        nodes = [redis.Redis(port=port) for port in ports]
        for node in nodes:
            stack.callback(node.close)
        _join(nodes, ports)
        yield f"redis://127.0.0.1:{ports[0]}"


@contextmanager
def _node(folder: Path) -> Iterator[int]:
    folder.mkdir(parents=True)
    port = _free_ports()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--cluster-enabled", "yes"]
    process = subprocess.Popen(
        [find_binary(), *options, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL, cwd=folder
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(WITHIN_S)


def _free_ports() -> int:
    while not is_free(LOOPBACK, (port := free_port()) + _BUS):
        pass
    return port


def _join(nodes: list[redis.Redis], ports: list[int]) -> None:
    for node in nodes:
        _until(partial(_answers, node))
    share = SLOTS // len(nodes) + 1
    for number, node in enumerate(nodes):
        _command(node, "CLUSTER ADDSLOTSRANGE", number * share, min((number + 1) * share, SLOTS) - 1)
        _command(node, "CLUSTER SET-CONFIG-EPOCH", number + 1)
    for port in ports[1:]:
        _command(nodes[0], "CLUSTER MEET", "127.0.0.1", port)
    for node in nodes:
        _until(partial(_is_whole, node))


def _command(node: redis.Redis, *words: str | int) -> Any:
    return node.execute_command(*words)  # type: ignore[no-untyped-call]


def _answers(node: redis.Redis) -> bool:
    return bool(node.ping())


def _is_whole(node: redis.Redis) -> bool:
    facts = _command(node, "CLUSTER INFO")
    return bool(facts["cluster_state"] == "ok" and facts["cluster_known_nodes"] == "3")


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            if condition():
                return
        except redis.ConnectionError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError("The cluster does not come up.")
        time.sleep(0.02)
