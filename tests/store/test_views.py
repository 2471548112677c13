"""What SQL readers see of executions."""

from uuid import uuid4

from sqlalchemy import text

from engine.store.database import Database
from tests.store.rows import add_checkpoint, add_execution


async def test_steps_are_the_current_checkpoints_in_order_of_first_touch(database: Database) -> None:
    execution_id = await add_execution(database, "view", uuid4(), status="running", current_step="b")
    for seq, path, status, output in (
        (1, "", "running", None),
        (2, "a", "running", None),
        (3, "b", "running", None),
        (4, "a", "completed", {"n": 1}),
    ):
        await add_checkpoint(database, "view", execution_id, seq, path, status, output=output)

    async with database.transaction("view") as connection:
        row = (
            await connection.execute(text("select * from workflow_executions where id = :id"), {"id": execution_id})
        ).one()

    assert [(one["stepId"], one["status"], one["seq"], one["output"]) for one in row.steps] == [
        ("a", "completed", 4, {"n": 1}),
        ("b", "running", 3, None),
    ]
    assert row.current_step == "b"


async def test_steps_have_the_members_that_readers_of_the_api_know(database: Database) -> None:
    execution_id = await add_execution(database, "view", uuid4(), status="running")
    for seq, path, status, columns in (
        (1, "each", "waiting", {}),
        (2, "each/call", "running", {"iteration": "0", "attempt": 2, "input": {"n": 1}}),
        (3, "each/call", "failed", {"iteration": "0", "attempt": 2, "failure": {"code": "http.503"}}),
    ):
        await add_checkpoint(database, "view", execution_id, seq, path, status, **columns)
    async with database.transaction("view") as connection:
        await connection.exec_driver_sql("reset role")
        spread = text(
            "update step_checkpoints set at = timestamptz '2026-03-01 12:00:00Z' + seq * interval '250 milliseconds'"
            " where execution_id = :id"
        )
        await connection.execute(spread, {"id": execution_id})
    async with database.transaction("view") as connection:
        statement = text("select steps from workflow_executions where id = :id")
        loop, call = (await connection.execute(statement, {"id": execution_id})).scalar_one()

    assert (loop["stepId"], loop["parentStepId"], loop["iteration"], loop["completedAt"], loop["duration"]) == (
        "each", None, None, None, None)  # fmt: skip
    assert loop["startedAt"] == "2026-03-01T12:00:00.250Z"
    assert {name: call[name] for name in call if name not in ("path", "attempt", "generation", "at", "seq")} == {
        "stepId": "call",
        "parentStepId": "each",
        "iteration": "0",
        "status": "failed",
        "startedAt": "2026-03-01T12:00:00.500Z",
        "completedAt": "2026-03-01T12:00:00.750Z",
        "input": {"n": 1},
        "output": None,
        "error": {"code": "http.503"},
        "retryCount": 1,
        "duration": 250,
    }


async def test_an_execution_without_checkpoints_has_no_steps(database: Database) -> None:
    execution_id = await add_execution(database, "view", uuid4())

    async with database.transaction("view") as connection:
        statement = text("select steps, status from workflow_executions where id = :id")
        row = (await connection.execute(statement, {"id": execution_id})).one()

    assert tuple(row) == ([], "queued")


async def test_the_view_lends_no_rights(database: Database) -> None:
    execution_id = await add_execution(database, "view", uuid4())

    async with database.transaction("other") as connection:
        statement = text("select id from workflow_executions where id = :id")
        assert (await connection.execute(statement, {"id": execution_id})).all() == []
