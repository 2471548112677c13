"""The relay: publishes the outbox, topic by topic, at least once."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol
from uuid import UUID

from engine.errors import MaestroError
from engine.queue.dispatch import MAX_DELIVERIES, Dispatch
from engine.store import burials, outbox
from engine.store.burials import LostParcel
from engine.store.hot import HotConnection
from engine.store.outbox import Parcel
from engine.telemetry.crash_points import reach

_log = logging.getLogger(__name__)

BATCH: Final = 500
HIDDEN_S: Final = 5.0
SLOWEST_S: Final = 60.0
POISONED: Final = "outbox.poisoned"
"""Code of the dead letter of a parcel at which its publisher failed in a way that nobody foresaw, time and again."""


class Publisher(Protocol):
    """Where the parcels of one topic go."""

    @property
    def topic(self) -> str:
        """Which parcels it publishes."""
        ...

    async def publish(self, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        """Publish them, oldest first; those that it returns have not arrived and come again later.

        Raises:
            MaestroError: none has arrived.
        """
        ...


class DeadLetterPublisher:
    """Tells the dead-letter stream what the table `dead_letters` has."""

    topic = "dead_letter"

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    async def publish(self, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        """Add them to the stream.

        Raises:
            Unavailable: Redis does not answer.
        """
        for parcel in parcels:
            payload = parcel.payload if isinstance(parcel.payload, dict) else {}
            await self._dispatch.bury({name: str(value) for name, value in payload.items()} | {"tenant": parcel.tenant})
        return ()


class Relay:
    """One pass over one topic at a time; several workers share the work row by row."""

    def __init__(
        self,
        connection: HotConnection,
        publishers: Iterable[Publisher],
        new_id: Callable[[], UUID],
        elsewhere: Mapping[str, Callable[[], None]] = MappingProxyType({}),
    ) -> None:
        """`elsewhere` are topics with a relay of their own, and what wakes it."""
        self._connection = connection
        self._publishers = {publisher.topic: publisher for publisher in publishers}
        self._new_id = new_id
        self._elsewhere = elsewhere

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics that somebody publishes."""
        return (*self._publishers, *self._elsewhere)

    async def run_once(self, topics: Iterable[str]) -> int:
        """Publish what waits in these topics. Returns how many parcels arrived.

        Raises:
            Unavailable: the database does not answer; parcels that arrived come again.
        """
        arrived = 0
        for topic in topics:
            if topic in self._elsewhere:
                self._elsewhere[topic]()
                continue
            while parcels := await outbox.take(self._connection, topic, BATCH, HIDDEN_S):
                arrived += await self._publish(self._publishers[topic], parcels)
                if len(parcels) < BATCH:
                    break
        return arrived

    async def _publish(self, publisher: Publisher, parcels: Sequence[Parcel]) -> int:
        error = "It was not taken."
        try:
            left = await publisher.publish(parcels)
        except MaestroError as caught:
            left, error = parcels, caught.message
            _log.warning(
                "Parcels have not arrived.", extra={"action": "relay", "topic": publisher.topic, "error": error}
            )
        except Exception as caught:  # noqa: BLE001 - whatever is wrong with a parcel, it ends no worker after worker
            error = f"Nobody foresaw this: {type(caught).__name__}."
            left = await self._one_by_one(publisher, parcels)
        reach("relayed")
        kept = {parcel.id for parcel in left}
        await outbox.settle(self._connection, [parcel for parcel in parcels if parcel.id not in kept])
        if left:
            delay_s = min(SLOWEST_S, 2.0 ** min(left[0].attempts, 6))
            await outbox.postpone(self._connection, left, delay_s, error)
        return len(parcels) - len(kept)

    async def _one_by_one(self, publisher: Publisher, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        """Publish each alone, so that those among which one is poisoned arrive; that one is buried after some attempts.

        Returns those that have not arrived, the buried ones among them: they are no longer there to be postponed.
        """
        left: list[Parcel] = []
        for parcel in parcels:
            facts = {"action": "relay", "topic": publisher.topic, "parcel_id": str(parcel.id)}
            try:
                left += await publisher.publish((parcel,))
            except MaestroError as error:
                _log.warning("A parcel has not arrived.", extra={**facts, "error": error.code})
                left.append(parcel)
            except Exception as error:  # noqa: BLE001 - see there
                _log.exception("A parcel could not be published, for a reason that nobody foresaw.", extra=facts)
                left.append(parcel)
                if parcel.attempts + 1 >= MAX_DELIVERIES:
                    cause = f"Its publisher failed: {type(error).__name__}."
                    lost = LostParcel(parcel.tenant, parcel.id, self._new_id(), POISONED, cause)
                    await burials.bury_parcels(self._connection, (lost,))
        return left
