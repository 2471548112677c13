"""Months of executions: made ahead, and dropped when nothing in them is unfinished."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg

from engine.ids import uuid7
from engine.store.hot import HotConnection
from workers.retention import Retention

NAMES = (
    "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
    " where i.inhparent = any(array['executions', 'step_checkpoints']::regclass[])"
    " and c.relname like '%_p2020%' order by 1"
)
MONTHS = "select maestro_make_partitions(0, $1)"
INSERT = (
    "insert into executions (tenant_id, id, workflow_id, workflow_version, content_hash, trigger_data, started_by,"
    " status, finished_at) values ('t', $1, $2, '1.0.0', 'h', '{}', 'x', $3, $4)"
)


def execution_of(month: int) -> UUID:
    return uuid7(datetime(2020, month, 15, tzinfo=UTC), uuid4().bytes[:10])


async def test_a_month_goes_when_nothing_in_it_is_unfinished(
    superuser: asyncpg.Connection, loop_connection: HotConnection
) -> None:
    for month in (1, 2):
        await superuser.execute(MONTHS, datetime(2020, month, 1, tzinfo=UTC))
    done = datetime(2020, 3, 1, tzinfo=UTC)
    await superuser.execute(INSERT, execution_of(1), uuid4(), "completed", done)
    unfinished = execution_of(2)
    await superuser.execute(INSERT, unfinished, uuid4(), "paused", None)

    _, dropped = await Retention(loop_connection, 400, lambda: 0.5).run_once()

    assert set(dropped) == {"executions_p202001", "step_checkpoints_p202001"}
    assert [row["relname"] for row in await superuser.fetch(NAMES)] == [
        "executions_p202002",
        "step_checkpoints_p202002",
    ]
    assert await superuser.fetchval("select status from executions where id = $1", unfinished) == "paused"
    forced = await superuser.fetchval("select relforcerowsecurity from pg_class where relname = 'executions_p202002'")
    assert forced

    await superuser.execute("update executions set status = 'cancelled', finished_at = now() where id = $1", unfinished)
    _, dropped = await Retention(loop_connection, 400, lambda: 0.5).run_once()

    assert set(dropped) == {"executions_p202002", "step_checkpoints_p202002"}


async def test_without_a_limit_nothing_goes(superuser: asyncpg.Connection, loop_connection: HotConnection) -> None:
    await superuser.execute(MONTHS, datetime(2020, 5, 1, tzinfo=UTC))

    assert await Retention(loop_connection, None, lambda: 0.5).run_once() == ((), ())

    assert len(await superuser.fetch(NAMES)) == 2


async def test_months_that_are_missing_are_made_ahead(
    superuser: asyncpg.Connection, loop_connection: HotConnection
) -> None:
    newest = await superuser.fetchval("select max(relname) from pg_class where relname ~ '^executions_p[0-9]{6}$'")
    await superuser.execute(f"drop table {newest}")

    made, _ = await Retention(loop_connection, None, lambda: 0.5).run_once()

    assert made == (newest,)
