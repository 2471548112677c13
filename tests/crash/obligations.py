"""I6 to I8: what is owed beyond the executions themselves, to schedules and callers, to people, and to the ledger."""

import json
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import asyncpg

from scripts.verifier.merkle import node_hash
from tests.crash.invariants import FINAL, Verdict
from tests.crash.stage import Round

SECOND = timedelta(seconds=1)
CLOSED = ("completed", "failed", "cancelled", "skipped", "obsolete")
_STARTED_BY_MESSAGE = """
select workflow_id::text as workflow_id, trigger_data ->> 'message' as message, count(*) as times
  from executions where tenant_id = $1 and trigger_type in ('webhook', 'event') group by 1, 2
"""
_SEALED = """
select e.id, v.log_index from executions e left join execution_evidence v on v.execution_id = e.id
 where e.tenant_id = $1 and e.status = any($2)
"""


async def check_obligations(connection: asyncpg.Connection, played: Round, verdict: Verdict) -> None:
    """Check I6 to I8, what quarantine owes to poison, and that nothing unexpected became a dead letter."""
    for schedule_id in played.front.schedules:
        await _ticks(connection, schedule_id, verdict)
    await _messages(connection, played, verdict)
    await _tasks(connection, played.tenant, verdict)
    await _sealing(connection, played.tenant, verdict)
    await _tree(connection, verdict)
    await _quarantine(connection, played, verdict)


async def _ticks(connection: asyncpg.Connection, schedule_id: UUID, verdict: Verdict) -> None:
    """I6: each nominal second has one row, and each row that says fired has the one execution of its second."""
    rows = await connection.fetch(
        "select tick_at, coalesce(until_tick_at, tick_at) as until, status, execution_id from schedule_ticks"
        " where schedule_id = $1 order by tick_at",
        schedule_id,
    )
    for earlier, later in pairwise(rows):
        if later["tick_at"] - earlier["until"] != SECOND:
            verdict.faults.append(f"I6 {schedule_id}: {earlier['until']} is followed by {later['tick_at']}")
    fired = [row["execution_id"] for row in rows if row["execution_id"] is not None]
    known = await connection.fetchval("select count(*) from executions where id = any($1)", fired)
    started = await connection.fetchval(
        "select count(*) from executions where trigger_type = 'schedule' and trigger_data ->> 'scheduleId' = $1",
        str(schedule_id),
    )
    if not len(set(fired)) == len(fired) == known == started:
        verdict.doubled += max(0, started - len(fired))
        verdict.faults.append(f"I6 {schedule_id}: {len(fired)} ticks were fired, {started} executions came of them")
    if any(row["status"] in {"pending", "buffered"} for row in rows):
        verdict.faults.append(f"I6 {schedule_id}: a tick is neither fired nor skipped")


async def _messages(connection: asyncpg.Connection, played: Round, verdict: Verdict) -> None:
    """Each message of a webhook and each event has started its workflow once, however often it came."""
    found = await connection.fetch(_STARTED_BY_MESSAGE, played.tenant)
    times = {(row["workflow_id"], row["message"]): row["times"] for row in found}
    for message, workflow_id in played.front.knocks.items():
        count = times.pop((workflow_id, message), 0)
        if count != 1:
            verdict.doubled += count > 1
            verdict.lost += count < 1
            verdict.faults.append(f"I6 message {message} has started {count} executions")
    verdict.faults += [f"I6 nobody sent {message}, and it has started something" for _, message in times]


async def _tasks(connection: asyncpg.Connection, tenant: str, verdict: Verdict) -> None:
    """I7: one final outcome, a trail without gaps."""
    trails: dict[UUID, list[asyncpg.Record]] = {}
    for row in await connection.fetch(
        "select a.task_id, a.seq, a.from_status, a.to_status, t.status from human_task_audit a"
        " join human_tasks t on t.tenant_id = a.tenant_id and t.id = a.task_id"
        " where a.tenant_id = $1 order by a.task_id, a.seq",
        tenant,
    ):
        trails.setdefault(row["task_id"], []).append(row)
    for task_id, trail in trails.items():
        ends = [row for row in trail if row["to_status"] in CLOSED and row["from_status"] not in CLOSED]
        if len(ends) != 1 or ends[0]["to_status"] != trail[0]["status"]:
            verdict.faults.append(f"I7 {task_id}: it ended {len(ends)} times and is {trail[0]['status']}")
        if [row["seq"] for row in trail] != list(range(1, len(trail) + 1)):
            verdict.faults.append(f"I7 {task_id}: its trail has gaps")


async def _sealing(connection: asyncpg.Connection, tenant: str, verdict: Verdict) -> None:
    """I8: each finished execution and each version is in the log once, where the engine says that it is."""
    leaves: Counter[str] = Counter()
    for row in await connection.fetch("select data from ledger.entries where kind = 'execution'"):
        execution = json.loads(row["data"])["predicate"]["execution"]
        if execution["tenant"] == tenant:
            leaves[execution["id"]] += 1
    for row in await connection.fetch(_SEALED, tenant, sorted(FINAL)):
        if row["log_index"] is None or leaves[str(row["id"])] != 1:
            verdict.faults.append(f"I8 {row['id']}: {leaves[str(row['id'])]} times in the log, at {row['log_index']}")
    versions = await connection.fetch(
        "select p.workflow_id, count(e.idx) as times from version_provenance p left join ledger.entries e"
        " on e.idx = p.log_index and e.kind = 'version' where p.tenant_id = $1 group by 1",
        tenant,
    )
    verdict.faults += [f"I8 version of {row['workflow_id']} is not in the log" for row in versions if row["times"] != 1]


async def _tree(connection: asyncpg.Connection, verdict: Verdict) -> None:
    """I8: each checkpoint is the head of the leaves that there are, so that each extends the last."""
    leaves = [row["leaf_hash"] for row in await connection.fetch("select leaf_hash from ledger.entries order by idx")]
    heads = await connection.fetch("select size, root from ledger.checkpoints order by size")
    wanted = {row["size"]: row["root"] for row in heads}
    peaks: list[tuple[int, bytes]] = []
    for size, leaf in enumerate(leaves, 1):
        peaks.append((1, leaf))
        while len(peaks) > 1 and peaks[-1][0] == peaks[-2][0]:
            (width, left), (_, right) = peaks[-2:]
            peaks[-2:] = [(2 * width, node_hash(left, right))]
        root = wanted.pop(size, None)
        if root is not None and root != _bagged(peaks):
            verdict.faults.append(f"I8 the checkpoint of size {size} is not the head of its leaves")
    verdict.faults += [f"I8 a checkpoint speaks of {size} leaves" for size in wanted if size]


def _bagged(peaks: list[tuple[int, bytes]]) -> bytes:
    root = peaks[-1][1]
    for _, left in reversed(peaks[:-1]):
        root = node_hash(left, root)
    return root


async def _quarantine(connection: asyncpg.Connection, played: Round, verdict: Verdict) -> None:
    """What kills workers ends among the dead letters, and nobody else does."""
    rows = await connection.fetch(
        "select execution_id, cause_code from dead_letters where tenant_id = $1 and kind = 'execution'", played.tenant
    )
    buried = {row["execution_id"]: row["cause_code"] for row in rows}
    for execution_id in played.poisoned:
        if buried.pop(execution_id, None) != "execution.deliveries_exhausted":
            verdict.faults.append(f"quarantine {execution_id}: poison, and not among the dead letters")
    verdict.faults += [f"quarantine {found}: among the dead letters, {cause}" for found, cause in buried.items()]
