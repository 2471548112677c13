"""What goes wrong in a running product, for as long as the block lasts: the faults that runbooks are about."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from scripts.benchmark.stack import Stack

_LOCKED_S: Final = 1.2
"""Longer than a commit, a call and a start may take."""
_STOPPED_S: Final = 0.6
_BETWEEN_S: Final = 0.2


@contextmanager
def locked_executions(stack: Stack) -> Iterator[None]:
    """The table of executions is locked again and again, as by somebody's long transaction: nothing is written."""
    with _meanwhile(lambda stop: asyncio.run(_lock(stack, stop))):
        yield


@contextmanager
def stopped_again_and_again(pid: int) -> Iterator[None]:
    """A process gets no time, for more than half a second each time."""
    with _meanwhile(lambda stop: _stop(pid, stop)):
        yield


@contextmanager
def _meanwhile(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Have something done beside the block, until it is told to stop."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def _lock(stack: Stack, stop: threading.Event) -> None:
    connection = await stack.connect()
    try:
        while not stop.is_set():
            async with connection.transaction():
                await connection.execute("lock table executions in exclusive mode")
                await asyncio.sleep(_LOCKED_S)
            await asyncio.sleep(_BETWEEN_S)
    finally:
        await connection.close()


def _stop(pid: int, stop: threading.Event) -> None:
    while not stop.is_set():
        os.kill(pid, signal.SIGSTOP)
        try:
            stop.wait(_STOPPED_S)
        finally:
            os.kill(pid, signal.SIGCONT)
        stop.wait(_BETWEEN_S)
