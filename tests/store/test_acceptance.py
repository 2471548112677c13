"""Accepting executions when things go wrong between the commit and its answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.errors import Unavailable
from engine.store.acceptance import Acceptance, Accepted, Candidate
from engine.store.database import Database
from engine.store.executions import find_many
from engine.store.hot import HotConnection
from tests.store.rows import add_version, add_workflow

TENANT = "acceptance"


async def candidate_for(database: Database, **changes: object) -> Candidate:
    workflow = await add_workflow(database, TENANT)
    await add_version(database, TENANT, workflow.id)
    values: dict[str, object] = {
        "tenant": TENANT,
        "id": uuid4(),
        "workflow_id": workflow.id,
        "version": "1.0.0",
        "content_hash": "sha256:0",
        "trigger_type": "manual",
        "trigger_data": '{"b": 1,  "a": 2}',
        "priority": 2,
        "qos_class": "default",
        "started_by": "ann",
        "traceparent": None,
        "revision": 1,
        "status": "published",
        "latest_version": "1.0.0",
        "key": None,
        "fingerprint": None,
        "key_expires_at": None,
        "audit_id": uuid4(),
        "action": "workflow.execute",
        "after_hash": "sha256:1",
        "decision_id": uuid4(),
        "request_id": "",
        "source": "",
        "policy_revision": "1",
        "decision_path": "maestro/authz",
        "decision_input": "{}",
        "trace_id": None,
    }
    return Candidate(**{**values, **changes})  # type: ignore[arg-type]


async def ignore(_accepted: Sequence[Accepted]) -> None:
    """Ring for nobody."""


async def stored(database: Database, *ids: UUID) -> list[UUID]:
    async with database.transaction(TENANT) as connection:
        return [row.id for row in await find_many(connection, TENANT, ids)]


@pytest.mark.parametrize(
    "facts", [{"revision": 2}, {"status": "draft"}, {"latest_version": "0.9.0"}, {"latest_version": None}]
)
async def test_facts_that_no_longer_hold_write_nothing(database: Database, facts: dict[str, object]) -> None:
    acceptance = Acceptance(database, ignore)
    candidate = await candidate_for(database, **facts)

    verdict = await acceptance.accept(candidate)
    await acceptance.close()

    assert (verdict.alive, verdict.created_at) == (False, None)
    assert await stored(database, candidate.id) == []


async def test_trigger_data_is_kept_byte_for_byte(database: Database) -> None:
    acceptance = Acceptance(database, ignore)
    candidate = await candidate_for(database)

    assert isinstance((await acceptance.accept(candidate)).created_at, datetime)
    await acceptance.close()

    reader = HotConnection(database, "maestro_loop")
    rows = await reader.fetch("select trigger_data::text as data from executions where id = $1", candidate.id)
    await reader.close()
    assert rows[0]["data"] == '{"b": 1,  "a": 2}'


class LosesAnswers(HotConnection):
    """Loses the connection after the commit, before its answer; with `commits` False before anything is sent."""

    commits = True

    @asynccontextmanager
    async def for_tenants(self, tenants: frozenset[str]) -> AsyncIterator[Any]:
        async with super().for_tenants(tenants) as connection:
            yield _Cut(connection, commits=self.commits)


class _Cut:
    def __init__(self, connection: Any, *, commits: bool) -> None:
        self._connection = connection
        self._commits = commits

    async def fetch(self, sql: str, *arguments: object) -> Any:
        if "INSERT INTO executions" not in sql:
            return await self._connection.fetch(sql, *arguments)
        if self._commits:
            await self._connection.fetch(sql, *arguments)
        raise Unavailable("postgresql", "gone")


def losing(database: Database, *, commits: bool) -> Acceptance:
    acceptance = Acceptance(database, ignore, width=1)
    connection = LosesAnswers(database, "maestro_app")
    connection.commits = commits
    acceptance._idle[:] = [connection]
    acceptance._connections = (connection,)
    return acceptance


async def test_a_lost_answer_is_found_by_reading(database: Database) -> None:
    acceptance = losing(database, commits=True)
    candidate = await candidate_for(database)

    verdict = await acceptance.accept(candidate)
    await acceptance.close()

    assert verdict.alive
    assert verdict.created_at is not None
    assert await stored(database, candidate.id) == [candidate.id]


async def test_a_call_that_never_arrived_is_told_so(database: Database) -> None:
    acceptance = losing(database, commits=False)
    candidate = await candidate_for(database)

    with pytest.raises(Unavailable):
        await acceptance.accept(candidate)
    await acceptance.close()

    assert await stored(database, candidate.id) == []


async def test_a_caller_who_went_away_does_not_stop_the_others(database: Database) -> None:
    acceptance = Acceptance(database, ignore, width=1)
    first, second = await candidate_for(database), await candidate_for(database)
    leaving = asyncio.ensure_future(acceptance.accept(first))
    staying = asyncio.ensure_future(acceptance.accept(second))
    await asyncio.sleep(0)

    leaving.cancel()

    assert (await staying).created_at is not None
    await acceptance.close()


async def test_closing_finishes_what_was_taken_and_rings_for_it(database: Database) -> None:
    rung: list[Accepted] = []

    async def ring(accepted: Sequence[Accepted]) -> None:
        rung.extend(accepted)

    acceptance = Acceptance(database, ring)
    candidate = await candidate_for(database)
    call = asyncio.ensure_future(acceptance.accept(candidate))
    await asyncio.sleep(0)

    await acceptance.close()

    assert call.done()
    assert rung == [Accepted(TENANT, candidate.id, candidate.traceparent)]
