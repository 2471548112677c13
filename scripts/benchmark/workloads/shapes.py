"""W3 and W4: one wide execution, and one long one."""

from scripts.benchmark.bench import Bench
from scripts.benchmark.definitions import chain, fan_out
from scripts.benchmark.figures import Figure, median_figure

WIDTH = 200
LENGTH = 1000
EDGE = 100


async def wide(bench: Bench) -> list[Figure]:
    """W3: 200 steps side by side and their join, from acceptance to the end."""
    workflow = await bench.client.publish(fan_out(WIDTH))
    rounds = []
    for number in range(bench.size(10, 5) + 1):
        execution = await bench.client.execute(workflow)
        await bench.until_finished(workflow, number + 1)
        rounds.append(await _duration(bench, execution))
    return [median_figure("w3_fanout_200", rounds[1:], "s", target=0.06, note="acceptance to the end")]


async def long(bench: Bench) -> list[Figure]:
    """W4: 1,000 steps in a row, and whether the last hundred cost more than the first."""
    workflow = await bench.client.publish(chain(LENGTH))
    rounds, growth = [], []
    for number in range(bench.size(5, 3) + 1):
        execution = await bench.client.execute(workflow)
        await bench.until_finished(workflow, number + 1)
        rounds.append(await _duration(bench, execution))
        growth.append(await _growth(bench, execution))
    return [
        median_figure("w4_chain_1000", rounds[1:], "s", target=1.5, note="acceptance to the end"),
        median_figure("w4_growth_ratio", growth[1:], "ratio", target=1.15, note="last 100 steps to first 100"),
    ]


async def _duration(bench: Bench, execution: str) -> float:
    return float(
        await bench.connection.fetchval(
            "select extract(epoch from finished_at - created_at) from executions where id = $1", execution
        )
    )


async def _growth(bench: Bench, execution: str) -> float:
    """Time of the last hundred completions to that of the first hundred."""
    ends = await bench.connection.fetch(
        "select at from step_checkpoints where execution_id = $1 and status = 'completed' and step_path <> ''"
        " order by seq",
        execution,
    )
    instants = [row["at"] for row in ends]
    first = (instants[EDGE] - instants[0]).total_seconds()
    last = (instants[-1] - instants[-1 - EDGE]).total_seconds()
    return float(last / first)
