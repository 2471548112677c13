"""PromQL as our panels write it: every series is narrowed to the jobs and instances chosen above the panels."""

from typing import Final

from scripts.observability.dashboards.model import Query

_CHOSEN: Final = 'job=~"$job",instance=~"$instance"'
_RATE: Final = "$__rate_interval"


def series(metric: str, matchers: str = "") -> str:
    """The chosen series of a metric."""
    return f"{metric}{{{_CHOSEN}{',' + matchers if matchers else ''}}}"


def rate(metric: str, by: str = "", matchers: str = "") -> str:
    """How often a second, summed up by labels."""
    return f"sum{_by(by)}(rate({series(metric, matchers)}[{_RATE}]))"


def largest(metric: str, by: str = "", matchers: str = "") -> str:
    """The largest value that any process shows; for what several processes measure alike."""
    return f"max{_by(by)}({series(metric, matchers)})"


def total(metric: str, by: str = "", matchers: str = "") -> str:
    """Values of all processes added up."""
    return f"sum{_by(by)}({series(metric, matchers)})"


def quantile(q: float, histogram: str, by: str = "", matchers: str = "") -> str:
    """A quantile of what a histogram saw."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, {rate(f'{histogram}_bucket', labels, matchers)})"


def mean(histogram: str, by: str = "", matchers: str = "") -> str:
    """The mean of what a histogram saw."""
    return f"{rate(f'{histogram}_sum', by, matchers)} / {rate(f'{histogram}_count', by, matchers)}"


def quantiles(histogram: str, matchers: str = "") -> tuple[Query, ...]:
    """Half, nineteen in twenty, and ninety-nine in a hundred are below these."""
    return tuple(Query(quantile(q, histogram, "", matchers), f"p{q * 100:.0f}") for q in (0.5, 0.95, 0.99))


def share(part: str, whole: str) -> str:
    """Part of the whole; nothing while there is no whole."""
    return f"{part} / ({whole} > 0)"


def _by(labels: str) -> str:
    return f" by ({labels}) " if labels else ""
