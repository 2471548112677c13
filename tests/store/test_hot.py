"""Hot connections: plans follow the size of the tables that they are made for."""

from engine.store.database import APP_ROLE, Database
from engine.store.hot import HotConnection

NEVER_S = 3_600.0
_MAKE = "create temp table probe (id int primary key, body text)"
_FILL = "insert into probe select n, repeat('x', 100) from generate_series(1, 50000) as n"
_ASK = "select count(*) from probe where id > $1"


async def _plan_after_growth(database_url: str, replan_s: float) -> tuple[str, str]:
    """The plan of a statement made for an empty table, and the one that runs once the table has grown."""
    database = Database.connect(database_url, application_name="test")
    connection = HotConnection(database, APP_ROLE, replan_s=replan_s)
    try:
        await connection.fetch(_MAKE)
        await connection.fetch(f"prepare counting(int) as {_ASK}")
        before = [row[0] for row in await connection.fetch("explain execute counting(1)")]
        await connection.fetch(_FILL)
        after = [row[0] for row in await connection.fetch("explain execute counting(1)")]
    finally:
        await connection.close()
        await database.close()
    return "\n".join(before), "\n".join(after)


async def test_a_plan_is_made_anew_when_it_is_time(database_url: str) -> None:
    before, after = await _plan_after_growth(database_url, 0.0)
    assert before != after


async def test_until_then_a_plan_is_kept(database_url: str) -> None:
    before, after = await _plan_after_growth(database_url, NEVER_S)
    assert before == after
