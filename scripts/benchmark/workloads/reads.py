"""Reading: a diff of a large workflow, and lists in front of a million rows."""

import asyncio
import time

from scripts.benchmark.bench import Bench
from scripts.benchmark.client import Client
from scripts.benchmark.definitions import chain
from scripts.benchmark.figures import Figure, median_figure, percentile, unmeasured

STEPS = 200
_LIST_QUERY = "query($n: Int!) { executions(first: $n) { edges { node { id status startedAt } } } }"
_FILL = """
with rows as (
  select (substr(stamp, 1, 8) || '-' || substr(stamp, 9, 4) || '-7' || substr(noise, 1, 3) || '-8'
          || substr(noise, 4, 3) || '-' || substr(noise, 7, 12))::uuid as id, at
    from (select now() - interval '1 hour' + n * interval '1 ms' as at,
                 lpad(to_hex((extract(epoch from now() - interval '1 hour') * 1000)::bigint + n), 12, '0') as stamp,
                 md5(n::text) as noise
            from generate_series($2::bigint, $3::bigint) as n) as stamped
), filled as (
  insert into executions
    (tenant_id, id, workflow_id, workflow_version, content_hash, status, trigger_data, started_by, created_at,
     started_at, finished_at, last_seq, lease_epoch)
  select e.tenant_id, rows.id, e.workflow_id, e.workflow_version, e.content_hash, e.status, '{}', 'bench', at, at, at,
         e.last_seq, e.lease_epoch
    from rows cross join executions e where e.id = $1
)
insert into step_checkpoints
  (tenant_id, execution_id, seq, step_path, iteration, generation, attempt, status, at, input, output, failure, detail,
   lease_epoch)
select c.tenant_id, rows.id, c.seq, c.step_path, c.iteration, c.generation, c.attempt, c.status, rows.at, c.input,
       c.output, c.failure, c.detail, c.lease_epoch
  from rows cross join step_checkpoints c where c.execution_id = $1
"""
_CHUNK = 100_000
_SUMMED_S = 120.0
_ANALYTICS = (
    "/api/analytics/workflow-stats?period=24h",
    "/api/analytics/workflow-stats?period=30d",
    "/api/analytics/execution-metrics?period=7d",
    "/api/analytics/execution-metrics?period=24h&workflowId={workflow}",
)


async def diff(bench: Bench) -> list[Figure]:
    """A structural diff of 200 steps, twenty of them changed, with its database reads, over REST."""
    definition = chain(STEPS, "diff")
    workflow = await bench.client.must("POST", "/api/workflows", definition)
    path = f"/api/workflows/{workflow['id']}"
    await bench.client.must("POST", f"{path}/publish", {"bump": "major"})
    steps = definition["steps"]
    assert isinstance(steps, list)  # noqa: S101 - for the type checker: `chain` made it
    for step in steps[::10]:
        step["config"] = {"actionType": "transform", "actionConfig": {"template": {"changed": True}}}
    await bench.client.must("PUT", path, definition)
    rounds = []
    for _ in range(bench.size(5, 3)):
        latencies = []
        for _ in range(bench.size(100, 40)):
            started = time.perf_counter()
            await bench.client.must("GET", f"{path}/versions?from=1.0.0&to=draft")
            latencies.append((time.perf_counter() - started) * 1000)
        rounds.append(percentile(latencies, 0.95))
    return [median_figure("diff_200_p95", rounds, "ms", target=10.0, note="20 of 200 steps changed, whole HTTP answer")]


async def lists(bench: Bench) -> list[Figure]:
    """Lists of executions, over both doors, with a filter and without."""
    workflow = await bench.client.publish(chain(1, "many"))
    rows = bench.size(1_000_000, 100_000)
    bench.say(f"   writing {rows:,} finished executions")
    await fill(bench, workflow, rows)
    return [await list_latency(bench, workflow, "list_1m_p95", rows)]


async def fill(bench: Bench, workflow: str, rows: int) -> None:
    """Write so many finished executions of a workflow, with the history of one that has run, past the product.

    The database is left as it is some time later: what a million rows at once give it to do is no part of any figure.
    """
    if not rows:
        return
    pattern = await bench.client.execute(workflow)
    await bench.until_finished(workflow, await bench.finished(workflow) + 1)
    for first in range(0, rows, _CHUNK):
        await bench.connection.execute(_FILL, pattern, first, min(first + _CHUNK, rows) - 1)
    await bench.connection.execute("vacuum (analyze) executions, step_checkpoints")
    await bench.connection.execute("checkpoint")


async def list_latency(bench: Bench, workflow: str, name: str, rows: int) -> Figure:
    """p95 of lists over both doors."""
    rounds = []
    for _ in range(bench.size(5, 3)):
        latencies: list[float] = []
        for _ in range(bench.size(30, 10)):
            for call in _list_calls(workflow):
                started = time.perf_counter()
                await bench.client.must(*call)
                latencies.append((time.perf_counter() - started) * 1000)
        rounds.append(percentile(latencies, 0.95))
    return median_figure(name, rounds, "ms", target=50.0, note=f"{rows:,} rows, REST and GraphQL together")


async def analytics_latency(bench: Bench, workflow: str, rows: int) -> list[Figure]:
    """p95 of the routes of figures, once the worker has summed what ended; the first call of each is not counted."""
    if not rows:
        return []
    await bench.connection.execute("update workflow_metrics_progress set aggregated_until = now() - interval '2 hours'")
    deadline = time.perf_counter() + _SUMMED_S
    while await bench.connection.fetchval(
        "select exists (select from workflow_metrics_progress where aggregated_until < now() - interval '2 minutes')"
    ):
        if time.perf_counter() > deadline:
            return [unmeasured("analytics_p95", "ms", f"sums took more than {_SUMMED_S:.0f} s", 50.0)]
        await asyncio.sleep(0.5)
    paths = [path.format(workflow=workflow) for path in _ANALYTICS]
    rounds = []
    for number in range(bench.size(5, 3) + 1):
        latencies = []
        for _ in range(bench.size(20, 10) if number else 1):
            for path in paths:
                started = time.perf_counter()
                await bench.client.must("GET", path)
                latencies.append((time.perf_counter() - started) * 1000)
        rounds.append(percentile(latencies, 0.95))
    note = f"{rows:,} executions, workflow-stats and execution-metrics together"
    return [median_figure("analytics_p95", rounds[1:], "ms", target=50.0, note=note)]


async def list_plans(bench: Bench, workflow: str) -> Figure:
    """How PostgreSQL answers the lists: what it logs of a process of its own that makes each call once."""
    await _explain(bench, "'auto_explain'")
    bench.stack.start_api()
    client = Client(bench.stack.ports[-1:], bench.stack.token())
    before = bench.stack.postgres_log.stat().st_size
    for call in _list_calls(workflow):
        await client.must(*call)
    client.close()
    await asyncio.sleep(0.2)  # the log is written by another process
    await _explain(bench, "default")
    said = bench.stack.postgres_log.read_text()[before:]
    plans = [plan for plan in _plans(said) if "Partitions" in plan or "executions_p" in plan]
    return Figure("list_plans", float(len(plans)), "plans", note="of the lists' queries", shown="\n\n".join(plans))


async def _explain(bench: Bench, library: str) -> None:
    """Have sessions that begin from now on log plans, or not."""
    await bench.connection.execute(f"alter system set session_preload_libraries = {library}")
    for name, value in (("log_min_duration", "0"), ("log_analyze", "on"), ("log_buffers", "on")):
        await bench.connection.execute("load 'auto_explain'")
        await bench.connection.execute(f"alter system set auto_explain.{name} = {value}")
    await bench.connection.execute("select pg_reload_conf()")
    await asyncio.sleep(0.2)  # until the postmaster has heard


def _plans(said: str) -> list[str]:
    """Plans in a log, each with its query on one line of at most 160 characters."""
    found: list[str] = []
    for entry in said.split(" LOG:  duration: ")[1:]:
        lines = [line.strip("\n") for line in entry.splitlines() if line.startswith("\t")]
        text = [line.removeprefix("\t") for line in lines]
        start = next((number for number, line in enumerate(text) if "(cost=" in line), len(text))
        query = " ".join(" ".join(text[:start]).removeprefix("Query Text: ").split())
        plan = [line for line in text[start:] if not line.lstrip().startswith("Subplans Removed: 0")]
        if plan:
            found.append("\n".join([query[:160], *plan]))
    return found


def _list_calls(workflow: str) -> tuple[tuple[str, str, object], ...]:
    return (
        ("GET", "/api/executions?limit=20", None),
        ("GET", "/api/executions?limit=20&status=failed", None),
        ("GET", f"/api/executions?limit=20&workflowId={workflow}", None),
        ("POST", "/graphql", {"query": _LIST_QUERY, "variables": {"n": 20}}),
    )
