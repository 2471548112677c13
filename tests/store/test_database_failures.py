"""What PostgreSQL did not carry out is counted once, by a code of ours, whichever way it was asked."""

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from engine.store.database import APP_ROLE, Database
from engine.store.hot import HotConnection

CONDITIONS = {
    "unique_violation": "store.constraint",
    "serialization_failure": "store.raced",
    "query_canceled": "dependency.unavailable",
    "division_by_zero": "unforeseen",
}


def counted() -> dict[str, float]:
    """Failures by code; all codes are there from the start."""
    codes = CONDITIONS.values()
    found = {code: REGISTRY.get_sample_value("maestro_database_failures_total", {"code": code}) for code in codes}
    return {code: value for code, value in found.items() if value is not None}


@pytest.mark.parametrize("condition", CONDITIONS)
async def test_a_failure_is_counted_once_by_its_code(database: Database, condition: str) -> None:
    statement = f"do $$ begin raise {condition}; end $$"
    connection = HotConnection(database, APP_ROLE)
    before = counted()

    with pytest.raises(Exception, match=r"."):
        async with database.transaction("acme") as transaction:
            await transaction.execute(text(statement))
    with pytest.raises(Exception, match=r"."):
        await connection.fetch(statement)
    await connection.close()

    after = counted()
    assert before.keys() == after.keys() == set(CONDITIONS.values())
    assert {code: after[code] - before[code] for code in after if after[code] != before[code]} == {
        CONDITIONS[condition]: 2
    }


async def test_a_server_that_is_not_there_is_counted_once() -> None:
    nowhere = Database.connect("postgresql://nobody@127.0.0.1:1/none", application_name="tests")
    connection, before = HotConnection(nowhere, APP_ROLE), counted()

    with pytest.raises(Exception, match="does not answer"):
        await connection.fetch("select 1")
    await nowhere.close()

    assert counted()["dependency.unavailable"] - before["dependency.unavailable"] == 1
