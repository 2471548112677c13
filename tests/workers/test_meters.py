"""Figures that only the tables know."""

import pytest
from prometheus_client import REGISTRY

from engine.store.hot import HotConnection
from tests.workers.conftest import Reader
from tests.workers.seeding import new_id
from workers.meters import Gauges


@pytest.fixture
async def connection(loop_connection: HotConnection, reader: Reader) -> HotConnection:
    await reader.connection.execute("delete from outbox")
    return loop_connection


async def put_task(reader: Reader, tenant: str, status: str, *, due_in_s: int, breached: bool = False) -> None:
    is_open = status in {"pending", "assigned", "in_progress", "suspended"}
    await reader.connection.execute(
        "insert into human_tasks (tenant_id, id, title, status, owner, form_config, created_by, due_at, sla_breached,"
        " closed_at) values ($1, $2, 'x', $3, 'ann', '{}', 'ada', now() + $4 * interval '1 s', $5,"
        " case when $6 then null else now() end)",
        tenant, new_id(), status, due_in_s, breached, is_open,
    )  # fmt: skip


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_open_tasks_of_all_tenants_are_shown_by_status_and_those_that_missed_a_clock(
    connection: HotConnection, reader: Reader
) -> None:
    await put_task(reader, "acme", "pending", due_in_s=60)
    await put_task(reader, "acme", "assigned", due_in_s=-1)
    await put_task(reader, "globex", "assigned", due_in_s=60, breached=True)
    await put_task(reader, "globex", "completed", due_in_s=-1, breached=True)

    await Gauges(connection).run_once()

    assert sample("maestro_human_tasks_open", status="pending") == 1
    assert sample("maestro_human_tasks_open", status="assigned") == 2
    assert sample("maestro_human_tasks_open", status="completed") is None
    assert sample("maestro_human_tasks_breached") == 2


async def test_what_waits_in_the_outbox_is_counted_and_what_the_ledger_has_not_yet_is_told_apart(
    connection: HotConnection, reader: Reader
) -> None:
    for topic, age_s in (("notification", 90), ("ledger.execution", 20), ("ledger.execution", 40)):
        await reader.connection.execute(
            "insert into outbox (tenant_id, id, topic, subject_id, payload, created_at)"
            " values ('acme', $1, $2, 'x', '{}', now() - $3 * interval '1 s')", new_id(), topic, age_s,
        )  # fmt: skip

    await Gauges(connection).run_once()

    assert sample("maestro_outbox_waiting", topic="ledger.execution") == 2
    assert 40 <= (sample("maestro_ledger_oldest_unregistered_seconds") or 0) < 60
    assert 90 <= (sample("maestro_outbox_oldest_seconds", topic="notification") or 0) < 110
    await reader.connection.execute("delete from outbox")
    await Gauges(connection).run_once()
    assert sample("maestro_ledger_oldest_unregistered_seconds") == 0
    assert sample("maestro_outbox_waiting", topic="ledger.execution") in {0, None}
