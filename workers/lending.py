"""Lending: surplus attempts of wide fan-outs are offered to other workers, and made here where nobody takes them."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from engine.errors import MaestroError, Unavailable
from engine.queue.bell import StreamBell
from engine.runtime.effects import RunAction
from engine.store import lent
from engine.store.claims import ExecutionRef
from engine.store.hot import HotConnection
from engine.store.lent import LentId
from workers.config import WorkerConfig

_log = logging.getLogger(__name__)

LOOK_S: Final = 0.25
"""Between two looks for attempts that nobody takes, or whose borrowers have died, while any are out."""
FORGET_S: Final = 60.0
AT_ONCE: Final = 256


@dataclass(slots=True)
class _Offer:
    run: RunAction
    start: Callable[[], None]
    is_waiting: bool = True


class Lender:
    """Keeps what was lent: each attempt comes back as mail from its borrower, or is started here after all.

    An attempt whose outcome is posted is gone from the table, so that it is never taken back; one that is taken back
    can no longer be settled by its borrower. Either way it has one outcome, under one idempotency key.
    """

    def __init__(
        self,
        worker_id: UUID,
        connection: HotConnection,
        bell: StreamBell,
        room: Callable[[], int],
        config: WorkerConfig,
    ) -> None:
        self._worker_id = worker_id
        self._connection = connection
        self._bell = bell
        self._room = room
        self._config = config
        self._offers: dict[LentId, _Offer] = {}
        self._withdrawn: list[LentId] = []
        self._wake = asyncio.Event()

    @property
    def out(self) -> int:
        """Attempts that are offered or lent."""
        return len(self._offers)

    def lend(self, id_: LentId, run: RunAction, start: Callable[[], None]) -> Callable[[], object]:
        """Offer an attempt, or have `start` make it here. Returns what stops it as long as `start` was not called."""
        self._offers[id_] = _Offer(run, start)
        self._wake.set()
        return lambda: self._stop(id_)

    def arrived(self, id_: LentId) -> None:
        """Its outcome has come as mail."""
        self._offers.pop(id_, None)

    def room_grew(self) -> None:
        """An attempt of this worker's own has ended: it may make one of those that it offered."""
        if self._offers:
            self._wake.set()

    async def run(self) -> None:
        """Lend for ever."""
        loop = asyncio.get_running_loop()
        forget_at = loop.time() + FORGET_S
        while True:
            try:
                async with asyncio.timeout(LOOK_S if self._offers else FORGET_S):
                    await self._wake.wait()
                await asyncio.sleep(self._config.lend_after_s)
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self.run_once()
                if loop.time() >= forget_at:
                    await lent.forget(self._connection)
                    forget_at = loop.time() + FORGET_S
            except Unavailable:
                await asyncio.sleep(LOOK_S)
                self._wake.set()

    async def run_once(self) -> None:
        """Withdraw what no longer counts, start what there is room for, offer the rest, look after what is lent.

        Raises:
            Unavailable: the database does not answer; what was not offered was started here.
        """
        withdrawn, self._withdrawn = self._withdrawn, []
        if withdrawn:
            await lent.withdraw(self._connection, self._worker_id, withdrawn)
        for id_ in [id_ for id_, found in self._offers.items() if found.is_waiting][: max(0, self._room())]:
            self._start(id_)
        await self._offer()
        if any(not found.is_waiting for found in self._offers.values()):
            room, patience_s = max(0, self._room()), self._config.lend_patience_s
            for id_ in await lent.take_back(self._connection, self._worker_id, room, patience_s):
                self._start(id_)

    async def _offer(self) -> None:
        waiting = [(id_, found.run) for id_, found in self._offers.items() if found.is_waiting][:AT_ONCE]
        if not waiting:
            return
        try:
            peers = await lent.peers(self._connection, self._worker_id)
            if peers:
                # What is stopped from here on is withdrawn after it was written, never before.
                for id_, _ in waiting:
                    self._offers[id_].is_waiting = False
                await lent.offer(self._connection, self._worker_id, waiting)
        except MaestroError:
            _log.warning("Attempts could not be lent; they are made here.", extra={"action": "lend"}, exc_info=True)
            peers = ()
        if not peers:
            for id_, _ in waiting:
                self._start(id_)
            return
        for ref in {ExecutionRef(id_.tenant, id_.execution_id) for id_, _ in waiting}:
            for peer in peers:
                self._bell.forward(peer, ref.tenant, ref.id)
        if len(waiting) == AT_ONCE:
            self._wake.set()

    def _start(self, id_: LentId) -> None:
        offer = self._offers.pop(id_, None)
        if offer is not None:
            offer.start()

    def _stop(self, id_: LentId) -> None:
        offer = self._offers.pop(id_, None)
        if offer is not None and not offer.is_waiting:
            self._withdrawn.append(id_)
            self._wake.set()
