"""One look at `/metrics` of all processes."""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import httpx
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from prometheus_client.parser import text_string_to_metric_families as read_classic

_OPEN_METRICS: Final = "application/openmetrics-text"
Key = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Scrape:
    """What processes showed at one time.

    Attributes:
        at_s: on a monotonic clock.
        processes: series of each process that answered, by its address.
        silent: addresses that did not answer.
    """

    at_s: float
    processes: Mapping[str, Mapping[Key, float]]
    silent: tuple[str, ...] = ()

    def total(self, name: str, **labels: str) -> float:
        """All series of a name with these labels, added up."""
        return sum(value for series in self.processes.values() for value in _chosen(series, name, labels).values())

    def largest(self, name: str, label: str) -> dict[str, float]:
        """By a label: the largest value that any process shows. For what several processes measure alike."""
        found: dict[str, float] = {}
        for series in self.processes.values():
            for key, value in _chosen(series, name, {}).items():
                of = dict(key[1]).get(label, "")
                found[of] = max(value, found.get(of, -math.inf))
        return found


def read(content_type: str, text: str) -> dict[Key, float]:
    """Series of a page of metrics."""
    families: Iterable[Metric] = (
        read_open_metrics(text)  # type: ignore[no-untyped-call]  # the library is not typed here
        if content_type.startswith(_OPEN_METRICS)
        else read_classic(text)
    )
    return {
        (sample.name, frozenset(sample.labels.items())): float(sample.value)
        for family in families
        for sample in family.samples
    }


async def scrape(client: httpx.AsyncClient, addresses: Sequence[str], at_s: float) -> Scrape:
    """Look at all addresses at the same time. Who does not answer is silent, which is a finding and no error."""
    found = await asyncio.gather(*(_page(client, address) for address in addresses))
    answers = dict(zip(addresses, found, strict=True))
    silent = tuple(address for address, series in answers.items() if series is None)
    return Scrape(at_s, {address: series for address, series in answers.items() if series is not None}, silent)


def increase(before: Scrape, after: Scrape, name: str, **labels: str) -> float:
    """What counters grew by between two looks. A counter that fell has begun again, a new process too."""
    grown = 0.0
    for address, series in after.processes.items():
        earlier = before.processes.get(address)
        if earlier is None:
            continue
        for key, value in _chosen(series, name, labels).items():
            was = earlier.get(key, 0.0)
            grown += value - was if value >= was else value
    return grown


def quantile(before: Scrape, after: Scrape, name: str, share: float, **labels: str) -> float | None:
    """A quantile of what a histogram saw between two looks, as Prometheus computes it; `None` when it saw nothing."""
    buckets = f"{name}_bucket"
    written = {dict(key[1])["le"] for series in after.processes.values() for key in _chosen(series, buckets, labels)}
    bounds = sorted(written, key=float)
    counts = [increase(before, after, buckets, le=bound, **labels) for bound in bounds]
    if not counts or counts[-1] <= 0:
        return None
    wanted = share * counts[-1]
    edges = [(0.0, 0.0), *zip(map(float, bounds), counts, strict=True)]
    for (low, under), (high, within) in pairwise(edges):
        if within >= wanted:
            return low if math.isinf(high) else low + (high - low) * (wanted - under) / (within - under)
    return None


def _chosen(series: Mapping[Key, float], name: str, labels: Mapping[str, str]) -> dict[Key, float]:
    wanted: Iterable[tuple[str, str]] = labels.items()
    return {key: value for key, value in series.items() if key[0] == name and key[1].issuperset(wanted)}


async def _page(client: httpx.AsyncClient, address: str) -> dict[Key, float] | None:
    try:
        answer = await client.get(address, headers={"Accept": "text/plain"})
        answer.raise_for_status()
    except httpx.HTTPError:
        return None
    return read(answer.headers.get("content-type", ""), answer.text)
