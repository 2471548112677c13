"""What an execution may start with: large values lie apart from the rows, and beyond the limit they are refused."""

import pytest

from engine.errors import ValidationFailed
from engine.identity.actor import Actor
from engine.services.requests import ExecuteRequest
from engine.services.services import Services
from engine.services.starts import TRIGGER_DATA_LIMIT
from engine.store.database import Database
from tests.services.documents import count, published

FRAME = len('{"text":""}')


async def test_trigger_data_of_the_largest_size_is_accepted_and_one_byte_more_is_not(
    services: Services, editor: Actor, database: Database
) -> None:
    workflow = await published(services, editor)
    largest = "x" * (TRIGGER_DATA_LIMIT - FRAME)

    accepted = await services.executions.execute(editor, workflow.id, ExecuteRequest({"text": largest}), "fits")
    with pytest.raises(ValidationFailed) as refused:
        await services.executions.execute(editor, workflow.id, ExecuteRequest({"text": largest + "x"}), "too-large")

    stored = await services.executions.get(editor, accepted.execution.id)
    assert stored.trigger_data == {"text": largest}
    assert [(fault.code, fault.path) for fault in refused.value.faults] == [("trigger_data.too_large", "/triggerData")]
    assert "4194304 bytes" in refused.value.faults[0].message
    assert await count(database, editor, "executions") == 1
