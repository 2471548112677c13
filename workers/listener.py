"""The listener: reads the streams for the intake, takes over what dead consumers left, buries what is unreadable."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from engine.clock import Clock
from engine.errors import Unavailable
from engine.queue.dispatch import Dispatch, Exhausted, Message, Received
from engine.queue.link import heed_cancellation
from engine.queue.messages import Ring, UnreadableMessage
from engine.store.burials import NO_TENANT, Burial, bury_messages
from engine.store.hot import HotConnection
from engine.telemetry.metrics import DEAD_LETTERS
from workers.acknowledger import Acknowledger
from workers.config import WorkerConfig
from workers.intake import Intake

_log = logging.getLogger(__name__)

FULL_S: Final = 0.02
DOWN_S: Final = 0.5


class Listener:
    """Reads while there is room. Without Redis it waits: the sweep goes on finding work."""

    def __init__(  # noqa: PLR0913 - its collaborators, each a different one
        self,
        *,
        dispatch: Dispatch,
        intake: Intake,
        connection: HotConnection,
        acknowledger: Acknowledger,
        has_room: Callable[[], bool],
        clock: Clock,
        new_id: Callable[[], UUID],
        config: WorkerConfig,
    ) -> None:
        self._dispatch = dispatch
        self._intake = intake
        self._connection = connection
        self._acknowledger = acknowledger
        self._has_room = has_room
        self._clock = clock
        self._new_id = new_id
        self._config = config
        self._reclaim_at = float("-inf")
        self._trim_at = clock.monotonic() + config.trim_s

    async def run(self) -> None:
        """Listen for ever."""
        while True:
            heed_cancellation()
            if not self._has_room():
                self._intake.grew_scarce()
                await asyncio.sleep(FULL_S)
                continue
            try:
                await self.run_once(int(self._config.read_block_s * 1000))
            except Unavailable as error:
                _log.warning("The streams cannot be read.", extra={"action": "listen", "error": error.message})
                await asyncio.sleep(DOWN_S)

    async def run_once(self, block_ms: int = 0) -> int:
        """One read, and what is due of reclaiming and trimming. Returns how many messages came.

        Raises:
            Unavailable: Redis or the database does not answer.
        """
        now = self._clock.monotonic()
        if now >= self._reclaim_at:
            self._reclaim_at = now + self._config.reclaim_s
            await self._take_in(await self._dispatch.reclaim(self._config.claim_batch))
        if now >= self._trim_at:
            self._trim_at = now + self._config.trim_s
            await self._dispatch.trim()
        received = await self._dispatch.read(min(self._config.claim_batch, max(1, self._intake.room)), block_ms)
        await self._take_in(received)
        return len(received.messages) + len(received.own)

    async def _take_in(self, received: Received) -> None:
        unreadable = [message for message in received.messages if isinstance(message, UnreadableMessage)]
        if unreadable or received.exhausted:
            await self._bury(unreadable, received.exhausted)
        self._intake.receive(received)

    async def _bury(self, unreadable: Sequence[UnreadableMessage], exhausted: Sequence[Exhausted]) -> None:
        burials = [self._burial(message, "message.unreadable", message.cause, 1) for message in unreadable]
        burials += [
            self._burial(
                found.message,
                "message.deliveries_exhausted",
                f"It was delivered {found.deliveries} times and never acknowledged.",
                found.deliveries,
            )
            for found in exhausted
        ]
        await bury_messages(self._connection, burials)
        DEAD_LETTERS.labels("message").inc(len(burials))
        for burial in burials:
            await self._dispatch.bury(
                {
                    "deadLetterId": str(burial.id),
                    "kind": "message",
                    "subject": burial.subject,
                    "code": burial.cause_code,
                }
            )
        self._acknowledger.acknowledge([*unreadable, *(found.message for found in exhausted)])

    def _burial(self, message: Message, code: str, cause: str, deliveries: int) -> Burial:
        ring = message if isinstance(message, Ring) else None
        return Burial(
            tenant=ring.tenant if ring else NO_TENANT,
            id=self._new_id(),
            subject=f"{message.stream}/{message.message_id}",
            execution_id=ring.execution_id if ring else None,
            cause_code=code,
            cause_message=cause,
            deliveries=deliveries,
            payload=dict(message.fields) if isinstance(message, UnreadableMessage) else None,
        )
