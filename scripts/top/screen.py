"""A picture as a terminal shows it."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scripts.top.picture import Picture

WIDTH: Final = 60
"""How many looks the lines of the past remember."""
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_SLOW_S: Final = 60.0


class Past:
    """Rates of the last looks, for the lines."""

    def __init__(self) -> None:
        self.accepted: deque[float] = deque(maxlen=WIDTH)
        self.ended: deque[float] = deque(maxlen=WIDTH)
        self.failed: deque[float] = deque(maxlen=WIDTH)

    def remember(self, picture: Picture) -> None:
        """One more look."""
        self.accepted.append(picture.accepted)
        self.ended.append(sum(picture.ended.values()))
        self.failed.append(picture.ended.get("failed", 0.0) + picture.failed_steps)


def screen(picture: Picture, past: Past) -> RenderableType:
    """Everything, from top to bottom."""
    parts = [_throughput(picture, past), _queues(picture), _running(picture), _failures(picture, past)]
    if picture.silent:
        parts.append(Text(f"No answer from {', '.join(picture.silent)}", style="red"))
    return Group(*parts)


def line(values: Iterable[float]) -> str:
    """Values as a line of blocks, the largest as high as there is room."""
    listed = list(values)
    top = max(listed, default=0.0)
    if top <= 0:
        return _LEVELS[0] * len(listed)
    return "".join(_LEVELS[round(value / top * (len(_LEVELS) - 1))] for value in listed)


def _throughput(picture: Picture, past: Past) -> RenderableType:
    table = _grid()
    table.add_row("accepted", f"{picture.accepted:,.1f}/s", line(past.accepted))
    table.add_row("ended", f"{sum(picture.ended.values()):,.1f}/s", line(past.ended))
    table.add_row("steps", f"{picture.steps:,.1f}/s", "")
    table.add_row("time to enqueue", _milliseconds(picture.enqueue_p95_s), "p95")
    table.add_row("time to start", _milliseconds(picture.start_p95_s), "p95")
    return Panel(table, title="Throughput", title_align="left")


def _queues(picture: Picture) -> RenderableType:
    table = Table("class", "waiting", "oldest", box=None, header_style="bold", pad_edge=False)
    for name, queue in picture.queues.items():
        style = "red" if queue.oldest_s > _SLOW_S else ""
        table.add_row(name, f"{queue.depth:,}", f"{queue.oldest_s:.1f} s", style=style)
    return Panel(table if picture.queues else Text("nobody has looked yet"), title="Queue", title_align="left")


def _running(picture: Picture) -> RenderableType:
    table = _grid()
    table.add_row("unfinished", f"{picture.unfinished:,}", "")
    table.add_row("in workers' hands", f"{picture.held:,}", f"{picture.attempts_out:,} attempts out")
    table.add_row("open human tasks", f"{picture.open_tasks:,}", "")
    table.add_row("processes", f"{picture.processes}", "that answered")
    return Panel(table, title="Running", title_align="left")


def _failures(picture: Picture, past: Past) -> RenderableType:
    table = _grid()
    table.add_row("executions failed", _bad(picture.ended.get("failed", 0.0)), line(past.failed))
    table.add_row("attempts failed", _bad(picture.failed_steps), "")
    table.add_row("answers with 5xx", _bad(picture.server_errors), "")
    letters = ", ".join(f"{count} {kind}" for kind, count in picture.dead_letters.items())
    table.add_row("dead letters", Text(letters or "none", style="red" if letters else ""), "")
    table.add_row("since the start", f"{picture.in_doubt:,}", "steps in doubt")
    table.add_row("", f"{picture.leases_lost:,}", "leases lost")
    return Panel(table, title="Failures", title_align="left")


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=18)
    table.add_column(justify="right", min_width=12)
    table.add_column()
    return table


def _bad(rate: float) -> Text:
    return Text(f"{rate:,.1f}/s", style="red" if rate > 0 else "")


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1_000:,.0f} ms"
