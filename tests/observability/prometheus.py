"""A real Prometheus of its own for some tests: it scrapes what it is told, and answers queries."""

import math
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from engine.jsonvalue import Json, JsonObject
from scripts.embedded.ports import LOOPBACK, free_port
from scripts.observability.files import as_yaml
from tests.observability.binaries import find

_READY_S: Final = 120.0
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server."""

    client: httpx.Client

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and values of an expression now."""
        answer = self.client.get("/api/v1/query", params={"query": expression})
        content = answer.json()
        assert content["status"] == "success", f"{expression}: {content}"
        if content["data"]["resultType"] == "scalar":
            return [({}, float(content["data"]["result"][1]))]
        return [(each["metric"], float(each["value"][1])) for each in content["data"]["result"]]

    def shows(self, expression: str, last_s: float) -> bool:
        """Whether a panel over the last seconds has a point: asked as Grafana asks."""
        now = time.time()
        told = {"query": expression, "start": str(now - last_s), "end": str(now), "step": "1"}
        content = self.client.get("/api/v1/query_range", params=told).json()
        assert content["status"] == "success", f"{expression}: {content}"
        points = (float(point[1]) for series in content["data"]["result"] for point in series["values"])
        return any(not math.isnan(point) for point in points)

    def firing(self, alert: str) -> set[str]:
        """Severities of an alert that fire now."""
        return {
            labels["severity"] for labels, state in self._alerts() if (labels["alertname"], state) == (alert, "firing")
        }

    def active(self) -> set[tuple[str, str]]:
        """Names and severities of alerts whose expression is true now, whether for long enough to fire or not."""
        return {(labels["alertname"], labels["severity"]) for labels, _ in self._alerts()}

    def _alerts(self) -> list[tuple[dict[str, str], str]]:
        """Labels and states."""
        found = self.client.get("/api/v1/alerts").json()["data"]["alerts"]
        return [(each["labels"], each["state"]) for each in found]

    def wait(self, what: Callable[[], str], within_s: float, is_so: Callable[[], bool]) -> float:
        """Seconds until a condition holds; `what` says it in the message when it does not.

        Raises:
            AssertionError: it does not hold in time.
        """
        began = time.monotonic()
        while not is_so():
            assert time.monotonic() - began < within_s, f"not within {within_s} s: {what()}"
            time.sleep(_LOOK_S)
        return time.monotonic() - began


@contextmanager
def running_prometheus(
    folder: Path, jobs: Mapping[str, Sequence[int]], rules: Mapping[str, str], every: str
) -> Iterator[Prometheus]:
    """Scrape ports by job, every so often, and evaluate files of rules, until the block is left."""
    for name, text in rules.items():
        (folder / name).write_text(text)
    scrape: list[Json] = [
        {"job_name": job, "static_configs": [{"targets": [f"{LOOPBACK}:{port}" for port in ports]}]}
        for job, ports in jobs.items()
    ]
    timing: JsonObject = {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}
    (folder / "prometheus.yaml").write_text(
        as_yaml({"global": timing, "rule_files": list(rules), "scrape_configs": scrape})
    )
    port = free_port()
    command = [
        find("prometheus"),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={LOOPBACK}:{port}",
        "--log.level=warn",
    ]
    with (
        (folder / "prometheus.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
        httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=30, trust_env=False) as client,
    ):
        try:
            _wait_until_ready(client, process, folder)
            yield Prometheus(client)
        finally:
            process.terminate()


def _wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/-/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(_LOOK_S)
    raise AssertionError((folder / "prometheus.log").read_text())
