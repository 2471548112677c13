"""Running k6 against a stack, and reading what it found."""

import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.jsonvalue import JsonObject, dumps, loads
from scripts.benchmark.stack import Stack
from scripts.embedded.ports import LOOPBACK
from scripts.load.loads import LIMIT_MS, LOADS, SCRIPTS, WORKFLOW, Load

BINARY: Final = Path(__file__).resolve().parents[2] / ".k6" / "bin" / "k6"
_PROMISED: Final = ("http_req_duration", "http_req_failed", "dropped_iterations")
_CROSSED: Final = 99
"""Exit code of k6 when a threshold was crossed; any other but 0 is a fault of the run."""


@dataclass(frozen=True, slots=True)
class Size:
    """How long and how hard: the promise is about the default; smaller is for trying that all works.

    Attributes:
        duration_s: of a steady rate, and of each rate of a ramp.
        share: of each load's rate.
        limit_ms: of the 95th percentile.
        warming_s: before it, at a quarter of the rate.
    """

    duration_s: int = 60
    share: float = 1.0
    limit_ms: int = LIMIT_MS
    warming_s: int = 3


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one load.

    Attributes:
        rate: iterations a second that were asked for; of a ramp the highest that held, 0 if none did.
        seconds: for which it was held.
        requests: answers in all.
        failed: share of them that failed.
        quantiles_ms: median, 95th and 99th percentile of what is promised about; of a ramp at that rate.
        is_kept: whether the promise held.
    """

    load: Load
    rate: int
    seconds: int
    requests: int
    failed: float
    quantiles_ms: tuple[float, float, float]
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Target:
    """The workflow that all loads start, and what its webhook is signed with."""

    workflow_id: str
    secret: str


def prepare(stack: Stack) -> Target:
    """Publish the workflow."""
    workflow = _post(stack, "/api/workflows", WORKFLOW)["id"]
    _post(stack, f"/api/workflows/{workflow}/publish", {"bump": "minor", "changeSummary": "For k6."})
    secret = _post(stack, f"/api/workflows/{workflow}/webhook-secrets", {})["secret"]
    return Target(workflow, secret)


def run(name: str, stack: Stack, target: Target, size: Size, folder: Path) -> Result:
    """Run one load; its summary is left in the folder.

    Raises:
        RuntimeError: k6 itself failed.
    """
    load = LOADS[name]
    summary = folder / f"{name}.json"
    told = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "K6_NO_USAGE_REPORT": "true",
        "MAESTRO_URL": f"http://{LOOPBACK}:{stack.port}",
        "MAESTRO_TOKEN": stack.token("k6"),
        "WORKFLOW_ID": target.workflow_id,
        "WEBHOOK_SECRET": target.secret,
        "RATE": str(max(1, round(load.rate * size.share))),
        "DURATION": f"{size.duration_s}s",
        "WARMING_S": str(size.warming_s),
        "P95_MS": str(size.limit_ms),
        "COMPLETION_MS": str(max(1_000, size.limit_ms)),
        "SUMMARY": str(summary),
        **load.environment,
    }
    command = [str(BINARY), "run", "--quiet", "--no-usage-report", str(SCRIPTS / load.script)]
    done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
    if done.returncode not in {0, _CROSSED}:
        raise RuntimeError(f"k6 ended with {done.returncode}:\n{done.stdout}{done.stderr}\n{stack.last_words()}")
    return read(load, summary)


def read(load: Load, summary: Path) -> Result:
    """What a summary says that a run has left.

    Raises:
        OSError: there is none.
        TypeError: it is none of ours.
    """
    found: Any = loads(summary.read_bytes())
    if not isinstance(found, dict):
        raise TypeError(f"{summary} holds no summary")
    metrics, rate = found["metrics"], found["rate"]
    values = {name: metric["values"] for name, metric in metrics.items()}
    scenario = "steady"
    is_kept = all(_holds(metric) for metric in metrics.values())
    if load.is_ramp:
        rate = _highest(metrics)
        is_kept, scenario = rate > 0, f"rate_{rate}" if rate else f"rate_{load.rate}"
    shown = values[f"{load.latency}{{scenario:{scenario}}}"]
    return Result(
        load,
        rate,
        found["seconds"],
        int(values["http_reqs"]["count"]),
        float(values[f"http_req_failed{{scenario:{scenario}}}"]["rate"]),
        (shown["med"], shown["p(95)"], shown["p(99)"]),
        is_kept,
    )


def _highest(metrics: Any) -> int:
    """The highest rate at which, and below which, every threshold held while calls were made."""
    held = 0
    for rate in (int(each) for each in LOADS["ramp"].environment["STEPS"].split(",")):
        of_rate = [metrics.get(f"{name}{{scenario:rate_{rate}}}") for name in _PROMISED]
        if not all(metric and _holds(metric) for metric in of_rate) or not of_rate[0]["values"]["max"]:
            break
        held = rate
    return held


def _holds(metric: Any) -> bool:
    return all(threshold["ok"] for threshold in metric.get("thresholds", {}).values())


def _post(stack: Stack, path: str, body: JsonObject) -> Any:
    request = urllib.request.Request(
        f"http://{LOOPBACK}:{stack.port}{path}",
        dumps(body).encode(),
        {"Authorization": f"Bearer {stack.token('k6')}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return loads(answer.read())
