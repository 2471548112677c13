"""Calls that arrive together share one append, hence one checkpoint; a lone call never waits for others."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ledger.telemetry import BATCH_SIZE, exemplar
from ledger.values import Leaf, Registered

Append = Callable[[Sequence[Leaf]], Awaitable[list[Registered]]]
SHARED_LEAVES = 1_000
"""Most leaves in one append; a single call with more goes alone."""

_Waiting = tuple[Sequence[Leaf], "asyncio.Future[list[Registered]]"]


class Batcher:
    """Runs one append at a time in this process; what waits meanwhile goes together in the next."""

    def __init__(self, append: Append) -> None:
        self._append = append
        self._waiting: list[_Waiting] = []
        self._turn = asyncio.Lock()

    async def append(self, leaves: Sequence[Leaf]) -> list[Registered]:
        """As the append given, whose errors every call of a shared batch gets."""
        answer: asyncio.Future[list[Registered]] = asyncio.get_running_loop().create_future()
        self._waiting.append((leaves, answer))
        try:
            async with self._turn:
                while not answer.done():
                    # Shielded: a caller that goes away must not interrupt the append of the others.
                    await asyncio.shield(asyncio.ensure_future(self._run(self._take())))
            return answer.result()
        finally:
            answer.cancel()

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        count = 0
        while self._waiting and (not taken or count + len(self._waiting[0][0]) <= SHARED_LEAVES):
            taken.append(self._waiting.pop(0))
            count += len(taken[-1][0])
        return taken

    async def _run(self, batch: list[_Waiting]) -> None:
        leaves_of_all = [leaf for leaves, _ in batch for leaf in leaves]
        BATCH_SIZE.observe(len(leaves_of_all), exemplar())
        try:
            registered = await self._append(leaves_of_all)
        except Exception as exc:  # noqa: BLE001  handed on whole to each caller of the batch
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(exc)
            return
        at = 0
        for leaves, answer in batch:
            if not answer.done():
                answer.set_result(registered[at : at + len(leaves)])
            at += len(leaves)
