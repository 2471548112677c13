"""Executions that were claimed again and again without progress: one of them may be what kills workers."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

from engine.store.claims import ExecutionRef

SURVIVED_S: Final = 1.0
"""What has left the process alive for so long is taken for harmless, though it may have made no progress yet."""
AT_ONCE_AT_MOST: Final = 256


class Suspects:
    """Decides how many suspects may be taken: one at first, twice as many each time that nobody died of them.

    So a poisoned one is alone soon, and kills no more than itself, while thousands that only happened to be held by
    dying workers are all taken within seconds.
    """

    def __init__(self, offer: Callable[[Iterable[ExecutionRef]], None]) -> None:
        self._offer = offer
        self._out: set[UUID] = set()
        self._waiting: dict[ExecutionRef, None] = {}
        self._at_once = 1

    @property
    def room(self) -> int:
        """How many may be taken now."""
        return 0 if self._out else self._at_once

    def is_waiting(self, ref: ExecutionRef) -> bool:
        """Whether it waits for its turn."""
        return ref in self._waiting

    def wait(self, refs: Iterable[ExecutionRef]) -> None:
        """These must wait; they are offered again when those that were taken have been cleared."""
        self._waiting.update(dict.fromkeys(refs))

    def took(self, execution_id: UUID) -> None:
        """One of them is about to begin."""
        self._out.add(execution_id)
        asyncio.get_running_loop().call_later(SURVIVED_S, self.cleared, execution_id)

    def cleared(self, execution_id: UUID) -> None:
        """It has made progress, or is gone, or nobody has died of it."""
        if execution_id not in self._out:
            return
        self._out.discard(execution_id)
        if not self._out:
            self._at_once = min(2 * self._at_once, AT_ONCE_AT_MOST)
            waiting, self._waiting = self._waiting, {}
            self._offer(waiting)
