"""Reading: a diff of a large workflow, and lists in front of a million rows."""

import time

from scripts.benchmark.bench import Bench
from scripts.benchmark.definitions import chain
from scripts.benchmark.figures import Figure, median_figure, percentile

STEPS = 200
_LIST_QUERY = "query($n: Int!) { executions(first: $n) { edges { node { id status startedAt } } } }"
_FILL = """
insert into executions
  (tenant_id, id, workflow_id, workflow_version, content_hash, status, trigger_data, started_by,
   created_at, started_at, finished_at)
select 'default',
       (substr(stamp, 1, 8) || '-' || substr(stamp, 9, 4) || '-7' || substr(noise, 1, 3) || '-8' || substr(noise, 4, 3)
        || '-' || substr(noise, 7, 12))::uuid,
       $1, '1.0.0', 'sha256:none', 'completed', '{}', 'bench', at, at, at
  from (select now() - interval '1 hour' + n * interval '1 ms' as at,
               lpad(to_hex((extract(epoch from now() - interval '1 hour') * 1000)::bigint + n), 12, '0') as stamp,
               md5(n::text) as noise
          from generate_series($2::bigint, $3::bigint) as n) as rows
"""
_CHUNK = 100_000


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
    """Write so many finished executions of a workflow, past the product."""
    for first in range(0, rows, _CHUNK):
        await bench.connection.execute(_FILL, workflow, first, min(first + _CHUNK, rows) - 1)
    await bench.connection.execute("analyze executions")


async def list_latency(bench: Bench, workflow: str, name: str, rows: int) -> Figure:
    """p95 of lists over both doors."""
    rounds = []
    for _ in range(bench.size(5, 3)):
        latencies: list[float] = []
        for _ in range(bench.size(30, 10)):
            for call in (
                ("GET", "/api/executions?limit=20", None),
                ("GET", "/api/executions?limit=20&status=failed", None),
                ("GET", f"/api/executions?limit=20&workflowId={workflow}", None),
                ("POST", "/graphql", {"query": _LIST_QUERY, "variables": {"n": 20}}),
            ):
                started = time.perf_counter()
                await bench.client.must(*call)
                latencies.append((time.perf_counter() - started) * 1000)
        rounds.append(percentile(latencies, 0.95))
    return median_figure(name, rounds, "ms", target=50.0, note=f"{rows:,} rows, REST and GraphQL together")
