from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio

from engine.qos.buckets import Budget
from engine.qos.file import Qos, WebhookBudgets
from tests.clock import FakeClock
from tests.federation.edge import Edge, open_edge

WIDE = Qos(webhooks=WebhookBudgets(Budget("webhook-address", 10**9, 60, 10**8), Budget("webhook", 600, 60, 300)))
"""All senders of these tests share one address."""


class TickingClock(FakeClock):
    """Moves by a millisecond each time it is read, so that what comes later has a later identifier."""

    def now(self) -> datetime:
        self.advance(timedelta(milliseconds=1))
        return super().now()


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    return TickingClock()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def edge(database_url: str, clock: FakeClock) -> AsyncIterator[Edge]:
    async with open_edge(database_url, clock=clock, qos=WIDE) as opened:
        yield opened
