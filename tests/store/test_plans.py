"""Hot statements go from given ids to rows by primary key, whatever the tables look like while they are planned."""

import json
import re
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from engine.store.database import APP_ROLE, LOOP_ROLE, Database
from engine.store.hot import HotConnection
from engine.store.statements import load
from tests.store.rows import add_version, add_workflow

HOT = (
    (APP_ROLE, "checkpoints", "commit"),
    (LOOP_ROLE, "checkpoints", "standing"),
    (LOOP_ROLE, "checkpoints", "history"),
    (LOOP_ROLE, "claims", "claim"),
    (LOOP_ROLE, "claims", "still_held"),
    (APP_ROLE, "acceptance", "standing"),
    (LOOP_ROLE, "evidence", "finished"),
    (LOOP_ROLE, "evidence", "checkpoints"),
    (LOOP_ROLE, "flows", "only_queued"),
    (LOOP_ROLE, "inbox", "discard_of_final"),
    (LOOP_ROLE, "lent", "offer"),
    (LOOP_ROLE, "lent", "settle"),
    (LOOP_ROLE, "lent", "borrowed"),
    (LOOP_ROLE, "slots", "workflows_of"),
    (LOOP_ROLE, "slots", "park"),
)
ROWS = 5_000
_FILL = """
with made as (
  insert into executions (tenant_id, id, workflow_id, workflow_version, content_hash, trigger_data, started_by,
                          lease_owner, status)
  select 'default', (left(maestro_uuid_floor(now())::text, 14) || right(gen_random_uuid()::text, 22))::uuid, $1,
         '1.0.0', 'sha256:0', '{}', 'ann', $2, 'running'
    from generate_series(1, $3::int)
  returning tenant_id, id
)
insert into step_checkpoints (tenant_id, execution_id, seq, step_path, iteration, generation, attempt, status, at,
                              lease_epoch)
select tenant_id, id, seq, 's', '', 1, 1, 'running', now(), 1 from made, generate_series(1, 2) as seq
"""
_OWNER = "01a00000-0000-7000-8000-000000000001"


@pytest_asyncio.fixture
async def workflow_id(database: Database) -> str:
    workflow = await add_workflow(database, "default")
    await add_version(database, "default", workflow.id)
    return str(workflow.id)


async def _plan(database: Database, role: str, file: str, name: str) -> dict[str, Any]:
    """The generic plan, which is the one that prepared statements of a hot connection run by."""
    connection, sql = HotConnection(database, role), load(file)[name]
    parameters = ", ".join(["null"] * max(map(int, re.findall(r"\$(\d+)", sql))))
    try:
        async with connection.for_tenants(frozenset({"default"})) as raw:
            await raw.execute(f"prepare probe as {sql}")
            plan = json.loads(await raw.fetchval(f"explain (format json) execute probe({parameters})"))
    finally:
        await connection.close()
    found: dict[str, Any] = plan[0]["Plan"]
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _ways_in(plan: dict[str, Any], month: str) -> list[tuple[str, str, str]]:
    """How the plan gets at rows of this month: partition, node, condition of the index."""
    return [
        (node["Relation Name"], node["Node Type"], str(node.get("Index Cond", node.get("Recheck Cond", ""))))
        for node in _nodes(plan)
        if re.match(rf"(executions|step_checkpoints)_p{month}$", node.get("Relation Name", ""))
        and "Scan" in node["Node Type"]
    ]


@pytest.mark.parametrize("is_analyzed", [False, True], ids=["as they grow", "analyzed"])
@pytest.mark.parametrize(("role", "file", "name"), HOT, ids=[f"{file}.{name}" for _, file, name in HOT])
async def test_a_hot_statement_goes_by_primary_key(  # noqa: PLR0913 - fixtures
    database: Database,
    superuser: asyncpg.Connection,
    workflow_id: str,
    role: str,
    file: str,
    name: str,
    *,
    is_analyzed: bool,
) -> None:
    await superuser.execute("truncate executions, step_checkpoints cascade")
    await superuser.execute(_FILL, workflow_id, _OWNER, ROWS)
    if is_analyzed:
        await superuser.execute("analyze executions, step_checkpoints")

    plan = await _plan(database, role, file, name)

    ways = _ways_in(plan, await superuser.fetchval("select to_char(now() at time zone 'utc', 'YYYYMM')"))
    assert ways
    for relation, node, condition in ways:
        assert re.search(r"\((\w+\.)?(execution_)?id = ", condition), f"{relation}: {node} {condition}"
    assert not any(node["Node Type"] == "Materialize" for node in _nodes(plan))


@pytest.mark.parametrize("is_analyzed", [False, True], ids=["as they grow", "analyzed"])
async def test_sums_walk_only_what_is_new(
    database: Database, superuser: asyncpg.Connection, workflow_id: str, *, is_analyzed: bool
) -> None:
    await superuser.execute("truncate executions, step_checkpoints cascade")
    await superuser.execute(_FILL, workflow_id, _OWNER, ROWS)
    await superuser.execute("update executions set status = 'completed', finished_at = now(), lease_owner = null")
    if is_analyzed:
        await superuser.execute("analyze")

    plan = await _plan(database, LOOP_ROLE, "metrics", "add")

    ways = _ways_in(plan, await superuser.fetchval("select to_char(now() at time zone 'utc', 'YYYYMM')"))
    assert len(ways) == 2
    for relation, node, condition in ways:
        assert re.search(r"(tenant_id = .* \(id|finished_at) >= .* < ", condition), f"{relation}: {node} {condition}"


async def test_row_security_chooses_no_index(superuser: asyncpg.Connection) -> None:
    policies = await superuser.fetch(
        "select tablename, qual from pg_policies where 'maestro_app' = any (roles) and qual like '%maestro.tenants%'"
    )

    assert len(policies) > 20
    assert [row["tablename"] for row in policies if not row["qual"].endswith("IS TRUE)")] == []
