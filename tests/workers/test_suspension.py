"""A lease that lapses between a commit and the effects that it allows."""

import pytest

from tests.workers.actions import Turnstile
from tests.workers.conftest import Reader, StartWorker
from tests.workers.seeding import accept, document, publish, step
from workers import writer


async def test_effects_that_had_to_wait_for_a_trusted_lease_start_when_it_is_trusted_again(
    database_url: str, start_worker: StartWorker, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    turnstile = Turnstile()
    turnstile.let_through(1)
    body = document([step("call", config={"actionType": "turnstile", "actionConfig": {}})])
    [execution_id] = await accept(database_url, await publish(database_url, body))

    async with start_worker(turnstile, heartbeat_s=0.2) as worker:

        def lapse(point: str) -> None:
            if point == "after_commit" and not turnstile.calls:
                worker.lease.renew(float("-inf"))

        monkeypatch.setattr(writer, "reach", lapse)
        await worker.bell.ring("default", [execution_id])
        await reader.until_status([execution_id], "completed")

    assert len(turnstile.calls) == 1
