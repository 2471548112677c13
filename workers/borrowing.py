"""Borrowing: single attempts that other workers offer are made here; their outcomes go to the execution's inbox."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol
from uuid import UUID

from engine.actions.interface import ActionContext, Result
from engine.errors import Unavailable
from engine.queue.bell import StreamBell
from engine.runtime.states import StepKey
from engine.store import lent
from engine.store.claims import ExecutionRef
from engine.store.hot import HotConnection
from engine.store.lent import Borrowed, LentId, Settlement
from workers.leases import Lease
from workers.outcomes import attempt_context, outcome_of

_log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""Between two looks whether what was borrowed still counts."""
RETRY_S: Final = 0.5
MOST_AT_ONCE: Final = 64


class AttemptMaker(Protocol):
    """Makes attempts for others."""

    def lendable(self) -> Sequence[str]:
        """Types of the actions that it can make."""
        ...

    def borrow(self, action_type: str, context: ActionContext, came: Callable[[Result], None]) -> Callable[[], object]:
        """Make an attempt; `came` gets its result, once. Returns what stops it."""
        ...


class Borrower:
    """Takes what there is room for, makes it, and posts what came of it; what no longer counts is stopped."""

    def __init__(  # noqa: PLR0913 - its collaborators, each a different one
        self,
        *,
        worker_id: UUID,
        connection: HotConnection,
        maker: AttemptMaker,
        room: Callable[[], int],
        lease: Lease,
        bell: StreamBell,
        new_id: Callable[[], UUID],
    ) -> None:
        self._worker_id = worker_id
        self._connection = connection
        self._maker = maker
        self._room = room
        self._lease = lease
        self._bell = bell
        self._new_id = new_id
        self._offered: dict[ExecutionRef, None] = {}
        self._out: dict[LentId, Callable[[], object]] = {}
        self._settlements: list[Settlement] = []
        self._wake = asyncio.Event()
        self._is_stopped = False
        self._may_have_taken = False

    @property
    def out(self) -> int:
        """Attempts that are made for others just now."""
        return len(self._out)

    def offered(self, ref: ExecutionRef) -> None:
        """The holder of this execution may have attempts to lend."""
        if not self._is_stopped:
            self._offered[ref] = None
            self._wake.set()

    def stop(self) -> None:
        """Take nothing more; what is out may still come back."""
        self._is_stopped = True
        self._offered.clear()

    async def run(self) -> None:
        """Borrow for ever."""
        loop = asyncio.get_running_loop()
        look_at = loop.time() + LOOK_S
        while True:
            try:
                async with asyncio.timeout(LOOK_S if self._out or self._offered else None):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self.run_once()
                if self._out and loop.time() >= look_at:
                    await self._look()
                    look_at = loop.time() + LOOK_S
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                self._wake.set()

    async def run_once(self) -> int:
        """Post what has come back, then take what there is room for. Returns how many attempts were taken.

        Raises:
            Unavailable: the database does not answer; outcomes are kept and posted when it is back.
        """
        await self.settled()
        room = min(self._room(), MOST_AT_ONCE)
        if not self._offered or room <= 0 or not self._lease.is_trusted():
            return 0
        refs = list(self._offered)
        if self._may_have_taken:
            known = [*self._out, *(settlement.id for settlement in self._settlements)]
            await lent.give_back(self._connection, self._worker_id, known)
        self._may_have_taken = True
        taken = await lent.take(self._connection, self._worker_id, refs, self._maker.lendable(), room)
        self._may_have_taken = False
        if len(taken) < room:  # nothing is left of what these offered; a new offer is rung for
            for ref in refs:
                self._offered.pop(ref, None)
        else:
            self._wake.set()
        for borrowed in taken:
            self._begin(borrowed)
        return len(taken)

    async def settled(self) -> None:
        """Post the outcomes that have come back.

        Raises:
            Unavailable: the database does not answer; they are kept.
        """
        settlements, self._settlements = self._settlements, []
        if not settlements:
            return
        try:
            creditors = await lent.settle(self._connection, self._worker_id, settlements)
        except BaseException:
            self._settlements = settlements + self._settlements
            raise
        for creditor in creditors:
            self._bell.forward(creditor.lender, creditor.ref.tenant, creditor.ref.id)

    def _begin(self, borrowed: Borrowed) -> None:
        id_ = borrowed.id
        context = attempt_context(id_.tenant, id_.execution_id, borrowed.traceparent, borrowed.run)

        def came(result: Result) -> None:
            if self._out.pop(id_, None) is not None:
                self._settlements.append(Settlement(id_, self._new_id(), outcome_of(borrowed.run, result)))
            self._wake.set()

        self._out[id_] = self._maker.borrow(borrowed.run.action_type, context, came)

    async def _look(self) -> None:
        """Stop what was taken back or withdrawn, or was lent under an epoch that has passed."""
        asked = list(self._out)
        still = await lent.borrowed(self._connection, self._worker_id)
        for id_ in asked:
            name: tuple[UUID, StepKey, int] = (id_.execution_id, id_.key, id_.epoch)
            stop = None if name in still else self._out.pop(id_, None)
            if stop is not None:
                stop()
