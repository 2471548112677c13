"""Who asks something of an execution gets the execution as it is after that, not as it was before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from engine.clock import SystemClock
from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.runtime.states import ExecutionStatus, StepStatus
from engine.services import settling
from engine.services.assembly import Parts, assemble
from engine.services.requests import ControlRequest, ExecuteRequest, PublishRequest, RetryRequest, SignalRequest
from engine.services.services import Services
from engine.services.values import Execution, StepView
from engine.store.database import Database
from tests.policy.role_table import RoleTableGate
from tests.services.conftest import CATALOGUE
from tests.workers.conftest import Reader, StartWorker
from tests.workers.seeding import document, step
from workers.worker import Worker

ANN = Actor("default", "ann", frozenset({"editor"}))
WAITING = document([step("wait", ["after"], "wait", {"signal": "go"}), step("after")])
LONG_S = 60.0
FAILING: JsonObject = {"actionType": "validation", "actionConfig": {"schema": False, "value": 1}}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a caller waits for at most is no matter of these tests, and less than a busy machine may need."""
    monkeypatch.setattr(settling, "PATIENCE_S", LONG_S)


@asynccontextmanager
async def services_of(database_url: str, worker: Worker) -> AsyncIterator[Services]:
    database = Database.connect(database_url, application_name="answers")
    assembled = assemble(Parts(database, worker.bell, RoleTableGate(uuid4), lambda: CATALOGUE, SystemClock()))
    yield assembled.services
    await assembled.close()
    await database.close()


async def started(services: Services, body: JsonObject, reader: Reader) -> UUID:
    workflow = await services.workflows.create(ANN, body)
    await services.workflows.publish(ANN, workflow.id, PublishRequest())
    accepted = await services.executions.execute(ANN, workflow.id, ExecuteRequest())
    await reader.until_free(accepted.execution.id)
    return accepted.execution.id


def steps_of(execution: Execution) -> list[StepView]:
    assert execution.steps is not None
    return list(execution.steps)


async def test_pausing_resuming_and_cancelling_answer_with_the_new_state(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    async with start_worker() as worker, services_of(database_url, worker) as services:
        executions = services.executions
        execution_id = await started(services, WAITING, reader)

        paused = await executions.pause(ANN, execution_id, ControlRequest())
        resumed = await executions.resume(ANN, execution_id, ControlRequest())
        cancelled = await executions.cancel(ANN, execution_id, ControlRequest())

    assert [one.status for one in (paused, resumed, cancelled)] == [
        ExecutionStatus.PAUSED,
        ExecutionStatus.RUNNING,
        ExecutionStatus.CANCELLED,
    ]
    assert [[(one.step_id, one.status) for one in steps_of(each)] for each in (paused, cancelled)] == [
        [("wait", StepStatus.WAITING), ("after", StepStatus.PENDING)],
        [("wait", StepStatus.CANCELLED), ("after", StepStatus.CANCELLED)],
    ]
    assert resumed.context is not None
    assert resumed.context["triggerData"] == {}


async def test_a_signal_and_a_retry_answer_with_what_has_come_of_them(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    async with start_worker() as worker, services_of(database_url, worker) as services:
        executions = services.executions
        signalled = await started(services, WAITING, reader)
        after = await executions.signal(ANN, signalled, "go", SignalRequest(payload=7))
        failed = await started(services, document([step("check", config=FAILING)]), reader)
        assert (await executions.get(ANN, failed)).status is ExecutionStatus.FAILED

        retried = await executions.retry(ANN, failed, RetryRequest())

    [wait, _] = steps_of(after)
    assert (wait.status, wait.output) == (StepStatus.COMPLETED, 7)
    # It failed again, and this is the second attempt already: the first failure is not what the answer shows.
    assert [one.retry_count for one in steps_of(retried)] == [1]


async def test_without_a_worker_the_answer_comes_at_once(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    async with start_worker() as worker, services_of(database_url, worker) as services:
        execution_id = await started(services, WAITING, reader)
    async with services_of(database_url, worker) as services:
        async with asyncio.timeout(LONG_S / 2):
            paused = await services.executions.pause(ANN, execution_id, ControlRequest())
    assert (paused.status, await reader.mail(execution_id)) == (ExecutionStatus.RUNNING, ["PauseAsked"])
