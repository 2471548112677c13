"""Publishes events from the outbox: to workflows that listen and to steps that wait."""

import logging
from collections.abc import Sequence

from engine.errors import MaestroError
from engine.services.events import TOPIC, EventDelivery
from engine.store.outbox import Parcel

_log = logging.getLogger(__name__)


class EmittedEvents:
    """Satisfies `workers.relay.Publisher` for emitted events."""

    topic = TOPIC

    def __init__(self, delivery: EventDelivery) -> None:
        self._delivery = delivery

    async def publish(self, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        """Deliver events one after another; those that could not be delivered come again."""
        left: list[Parcel] = []
        for parcel in parcels:
            try:
                await self._delivery.deliver(parcel)
            except MaestroError as error:
                facts = {"action": "event.deliver", "event_id": parcel.subject_id, "error": error.code}
                _log.warning("An event could not be delivered to all; it comes again.", extra=facts)
                left.append(parcel)
        return left
