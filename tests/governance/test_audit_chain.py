"""The audit chain: every entry once, in one order; and whatever is done to it afterwards is found."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest
from click.testing import CliRunner

from engine.clock import SystemClock
from engine.services.audit_verification import ChainReport, Head, verify_chain
from engine.services.identifiers import uuid7_factory
from engine.store import audit_chain
from engine.store.audit_links import GENESIS, AuditRow, entry_hash, link_after
from engine.store.database import Database
from engine.store.governance import AuditEntry, record_audit
from engine.store.hot import HotConnection
from scripts.cli.main import main

new_id = uuid7_factory(SystemClock())


def entry(tenant: str, action: str = "workflow.update") -> AuditEntry:
    return AuditEntry(
        tenant, new_id(), "ada", action, "workflow", "w1", None, "sha256:x", uuid4(), "r", "::1", {"n": 1}
    )


async def written(database: Database, tenant: str, count: int = 3) -> list[UUID]:
    entries = [entry(tenant) for _ in range(count)]
    for one in entries:
        async with database.transaction(tenant) as connection:
            await record_audit(connection, [one])
    return [one.id for one in entries]


async def chained(database: Database, loop_connection: HotConnection, tenant: str, count: int = 3) -> list[UUID]:
    ids = await written(database, tenant, count)
    while await audit_chain.extend(loop_connection, 1_000):
        pass
    return ids


async def tampered(superuser: asyncpg.Connection, table: str, statement: str, *arguments: object) -> None:
    """Do what the triggers refuse, as somebody who may switch them off."""
    async with superuser.transaction():
        await superuser.execute(f"alter table {table} disable trigger never_changed")
        await superuser.execute("set local session_replication_role = 'origin'")
        await superuser.execute(statement, *arguments)
        await superuser.execute(f"alter table {table} enable always trigger never_changed")


async def report(database: Database, tenant: str, known: Head | None = None) -> ChainReport:
    return await verify_chain(database, tenant, known)


async def test_entries_of_each_tenant_make_a_chain_of_their_own(
    database: Database, loop_connection: HotConnection
) -> None:
    first, other = f"t-{uuid4()}", f"t-{uuid4()}"
    await written(database, first)
    await chained(database, loop_connection, other, 2)
    await chained(database, loop_connection, first, 2)

    one, two = await report(database, first), await report(database, other)
    assert (one.links, one.waiting, one.defects) == (5, 0, ())
    assert (two.links, two.waiting, two.defects) == (2, 0, ())


async def test_what_is_written_by_a_transaction_under_way_waits_and_is_not_lost(
    database: Database, loop_connection: HotConnection
) -> None:
    tenant = f"t-{uuid4()}"
    async with database.transaction(tenant) as connection:
        await record_audit(connection, [entry(tenant, "first.to.begin")])
        later = await chained(database, loop_connection, tenant, 2)
        waiting = await report(database, tenant)
        assert (waiting.links, waiting.waiting, waiting.defects) == (0, len(later), ())
    await chained(database, loop_connection, tenant, 0)
    assert ((await report(database, tenant)).links, (await report(database, tenant)).defects) == (3, ())


async def test_two_sequencers_at_once_chain_each_entry_once(database: Database, loop_connection: HotConnection) -> None:
    tenant = f"t-{uuid4()}"
    await written(database, tenant, 40)
    second = HotConnection(database, "maestro_loop")
    for _ in range(30):
        await asyncio.gather(audit_chain.extend(loop_connection, 3), audit_chain.extend(second, 3))
    await second.close()
    found = await report(database, tenant)
    assert (found.links, found.defects) == (40, ())


async def test_a_changed_entry_is_found_and_named(
    database: Database, loop_connection: HotConnection, superuser: asyncpg.Connection
) -> None:
    tenant = f"t-{uuid4()}"
    ids = await chained(database, loop_connection, tenant)
    await tampered(superuser, "audit_entries", "update audit_entries set actor = 'mallory' where id = $1", ids[1])
    assert (await report(database, tenant)).defects == (f"Entry {ids[1]} (link 2) was changed after it was chained.",)


@pytest.mark.parametrize("member", ["action", "resource_id", "before_hash", "after_hash", "request_id", "source"])
async def test_no_member_of_an_entry_can_be_changed_unseen(
    database: Database, loop_connection: HotConnection, superuser: asyncpg.Connection, member: str
) -> None:
    tenant = f"t-{uuid4()}"
    (only,) = await chained(database, loop_connection, tenant, 1)
    forge = f"update audit_entries set {member} = 'forged' where id = $1"  # noqa: S608 - names of this module
    await tampered(superuser, "audit_entries", forge, only)
    assert len((await report(database, tenant)).defects) == 1


async def test_a_link_made_to_fit_a_forged_entry_breaks_the_next_one(
    database: Database, loop_connection: HotConnection, superuser: asyncpg.Connection
) -> None:
    tenant = f"t-{uuid4()}"
    await chained(database, loop_connection, tenant)
    await tampered(
        superuser, "audit_chain", "update audit_chain set hash = entry_hash where tenant_id = $1 and seq = 2", tenant
    )
    assert (await report(database, tenant)).defects == (
        "Link 2 was changed: its hash is not that of its members.",
        "Link 3 does not follow the one before it.",
    )


async def test_a_removed_link_and_an_entry_slipped_in_are_found(
    database: Database, loop_connection: HotConnection, superuser: asyncpg.Connection
) -> None:
    tenant = f"t-{uuid4()}"
    ids = await chained(database, loop_connection, tenant)
    await tampered(superuser, "audit_chain", "delete from audit_chain where tenant_id = $1 and seq = 2", tenant)
    slipped = new_id()
    await superuser.execute(
        "insert into audit_entries (tenant_id, id, actor, action, resource_type, resource_id, txid)"
        " values ($1, $2, 'eve', 'workflow.publish', 'workflow', 'w', 1)",
        tenant,
        slipped,
    )
    defects = (await report(database, tenant)).defects
    assert "Link 2 is missing: the next one is 3." in defects
    assert {f"Entry {one} is in no link: it was added past the sequencer." for one in (ids[1], slipped)} <= set(defects)


async def test_a_chain_that_was_cut_is_found_by_a_head_that_was_kept(
    database: Database, loop_connection: HotConnection, superuser: asyncpg.Connection
) -> None:
    tenant = f"t-{uuid4()}"
    await chained(database, loop_connection, tenant)
    kept = (await report(database, tenant)).head
    assert (await report(database, tenant, kept)).defects == ()
    await tampered(superuser, "audit_chain", "delete from audit_chain where tenant_id = $1 and seq = 3", tenant)
    cut = (await report(database, tenant, kept)).defects
    assert any("was cut or made anew" in defect for defect in cut)


@pytest.mark.parametrize("role", ["maestro_app", "maestro_loop"])
@pytest.mark.parametrize("table", ["audit_entries", "audit_chain"])
async def test_the_database_refuses_to_change_the_audit_log(
    database: Database, loop_connection: HotConnection, superuser: asyncpg.Connection, role: str, table: str
) -> None:
    await chained(database, loop_connection, "append-only", 1)
    change, remove = f"update {table} set tenant_id = tenant_id", f"delete from {table}"  # noqa: S608 - as above
    for statement in (change, remove, f"truncate {table} cascade"):
        with pytest.raises(asyncpg.PostgresError, match=r"never changed|permission denied|must be owner"):
            await superuser.execute(statement)
        async with superuser.transaction():
            await superuser.execute(f"set local role {role}")
            await superuser.execute("select set_config('maestro.tenants', '{append-only}', true)")
            with pytest.raises(asyncpg.PostgresError, match=r"permission denied|never changed"):
                async with superuser.transaction():
                    await superuser.execute(statement)


async def test_the_command_says_whether_the_chains_hold(
    database: Database,
    database_url: str,
    loop_connection: HotConnection,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = f"t-{uuid4()}"
    ids = await chained(database, loop_connection, tenant)
    monkeypatch.setenv("MAESTRO_DATABASE_URL", database_url)
    monkeypatch.setenv("MAESTRO_REDIS_URL", "redis://127.0.0.1:1")

    def verified(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["audit", "verify", "--tenant", tenant, *arguments])
        return result.exit_code, result.output

    code, output = await asyncio.to_thread(verified)
    assert (code, output.startswith(f"{tenant}: holds, 3 links, head 3:sha256:")) == (0, True)
    await tampered(superuser, "audit_entries", "update audit_entries set actor = 'mallory' where id = $1", ids[0])
    code, output = await asyncio.to_thread(verified, "--json")
    assert (code, '"valid": false' in output, str(ids[0]) in output) == (1, True, True)


def test_hashes_are_those_of_the_documented_bytes() -> None:
    """Fixed values: a change of the format would make every chain that exists unverifiable."""
    row = AuditRow(
        tenant="acme",
        id=UUID(int=1),
        at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        actor="ada",
        on_behalf_of=None,
        action="workflow.publish",
        resource_type="workflow",
        resource_id="w1",
        before_hash=None,
        after_hash="sha256:aa",
        decision_id=UUID(int=2),
        request_id="req",
        source="::1",
        details='{"version":"1.0.0"}',
    )
    link = link_after(None, row)
    assert (link.seq, link.previous_hash) == (1, GENESIS)
    assert entry_hash(row) == "sha256:0cf2be9f83c2971cdbf5a2972cded695b5466ec8e6ea2ba866ac127e62500d72"
    assert link.hash == "sha256:5e3f7fef493f6ac26c66a07a420c8537290ea1717ca0609ecddf4ac47167f4d6"
