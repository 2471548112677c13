"""A step in doubt whose author said how to find out whether it happened: a worker looks by an action of its own."""

from dataclasses import dataclass, field

import pytest

from engine.actions.interface import ActionContext, Effect, Failed, Result, Succeeded
from engine.jsonvalue import JsonObject
from tests.workers.actions import Gate
from tests.workers.conftest import Reader, StartWorker
from tests.workers.seeding import accept, document, publish, step


@dataclass(slots=True)
class Look:
    """Looks, and finds what the test says."""

    found: Result
    name: str = "look"
    effect: Effect = Effect.READ
    config_schema: JsonObject = field(default_factory=lambda: {"type": "object"})
    calls: list[ActionContext] = field(default_factory=list)

    async def run(self, context: ActionContext) -> Result:
        self.calls.append(context)
        return self.found


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (Succeeded({"found": True}), "completed"),
        (Succeeded({"found": False}), "failed"),
        (Failed("http.500", "No answer."), "failed"),
    ],
    ids=["found", "not found", "no answer"],
)
async def test_after_a_crash_a_probe_decides_whether_the_step_happened(
    database_url: str, start_worker: StartWorker, reader: Reader, found: Result, status: str
) -> None:
    pay, look = Gate(name="pay"), Look(found)
    probe: JsonObject = {
        "actionType": "look",
        "actionConfig": {"order": "{{triggerData.order}}"},
        "happened": {"field": "probe.found", "operator": "eq", "value": True},
    }
    config: JsonObject = {"actionType": "pay", "delivery": "at_most_once", "onInDoubt": "fail", "probe": probe}
    version = await publish(database_url, document([step("pay", config=config)]))
    [execution_id] = await accept(database_url, version, trigger_data={"order": 7})

    async with start_worker(pay, look, heartbeat_s=3_600.0, sweep_s=3_600.0, drain_s=0.1) as dead:
        await dead.bell.ring("default", [execution_id])
        await pay.until_called(1)
        await reader.connection.execute("update workers set lease_until = now() where id = $1", dead.id)
        async with start_worker(pay, look) as living:
            await living.bell.ring("default", [execution_id])
            await reader.until_status([execution_id], status)

    assert len(pay.calls) == 1
    [looked] = look.calls
    assert (looked.config, looked.input, looked.attempt) == ({"order": 7}, None, 1)
    assert looked.idempotency_key == f"{execution_id}:pay:-:0:probe"
    assert looked.idempotency_key != pay.calls[0].idempotency_key
    [*_, last] = [row for row in await reader.checkpoints(execution_id) if row["step_path"] == "pay"]
    assert last["status"] == status
