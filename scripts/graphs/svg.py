"""A graph as SVG: one file without scripts, fonts or links of its own."""

from collections.abc import Iterator
from html import escape
from typing import Final

from engine.runtime.states import StepStatus
from scripts.graphs.layout import LOOP_PADDING, LOOP_TITLE, Box, Layout, Line, place
from scripts.graphs.model import Graph
from scripts.graphs.palette import BY_STATUS, PLAIN, Colours

_MARGIN: Final = 24
_TITLE: Final = 40
_LEGEND: Final = 44
_LEGEND_ENTRY: Final = 112
_MOST_LETTERS: Final = 22
_INK: Final = "#1f2430"
_FAINT: Final = "#5a6275"
_TIP: Final = (
    '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8"'
    f' orient="auto"><path d="M0,0 L10,5 L0,10 z" fill="{_FAINT}"/></marker></defs>'
)
_STYLE: Final = "text{font-family:system-ui,'Segoe UI','DejaVu Sans',sans-serif}"


def svg_of(graph: Graph, title: str) -> str:
    """The picture; where states are drawn, a legend names those that occur."""
    layout = place(graph)
    statuses = sorted(graph.statuses())
    width = max(layout.width, len(statuses) * _LEGEND_ENTRY, 8.5 * len(title)) + 2 * _MARGIN
    height = layout.height + _TITLE + 2 * _MARGIN + (_LEGEND if statuses else 0)
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        _TIP,
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text(_MARGIN, _MARGIN + 12, title, size=17, weight=600),
        *_graph(layout, _MARGIN, _MARGIN + _TITLE),
        *_legend(statuses, height - _MARGIN),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _graph(layout: Layout, x: float, y: float) -> Iterator[str]:
    yield f'<g transform="translate({x:.1f},{y:.1f})">'
    for box in layout.boxes:
        yield from _box(box)
    for line in layout.lines:
        yield from _line(line)
    yield "</g>"


def _box(box: Box) -> Iterator[str]:
    step = box.step
    colours = PLAIN if step.status is None else BY_STATUS[step.status]
    state = "" if step.status is None else step.status.value.replace("_", " ")
    times = f" ({step.times} times)" if step.times > 1 else ""
    yield f"<g><title>{escape(f'{step.name} ({step.id})')}</title>"
    yield _rectangle(box, colours, dashes="5 4" if step.status is StepStatus.SKIPPED else "")
    yield _text(box.x + 12, box.y + 23, _short(step.name), size=14, weight=600)
    below = " · ".join(part for part in (step.type.value, state + times if state else "") if part)
    if box.inner is None:
        yield _text(box.x + 12, box.y + 43, below, size=12, fill=_FAINT)
    else:
        yield _text(box.x + box.width - 12, box.y + 23, below, size=12, fill=_FAINT, anchor="end")
        inside = (box.width - box.inner.width) / 2
        yield from _graph(box.inner, box.x + max(inside, LOOP_PADDING), box.y + LOOP_TITLE)
    yield "</g>"


def _rectangle(box: Box, colours: Colours, dashes: str) -> str:
    fill = colours.fill if box.inner is None else "#ffffff"
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="8"'
        f' fill="{fill}" stroke="{colours.border}" stroke-width="1.8"{dashed}/>'
    )


def _line(line: Line) -> Iterator[str]:
    (x, y), *rest = line.points
    path = [f"M{x:.1f},{y:.1f}"]
    for to_x, to_y in rest:
        half = (to_x - x) / 2
        path.append(f"C{x + half:.1f},{y:.1f} {to_x - half:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}")
        x, y = to_x, to_y
    yield f'<path d="{" ".join(path)}" fill="none" stroke="{_FAINT}" stroke-width="1.5" marker-end="url(#tip)"/>'
    if line.edge.label:
        (x, y), (to_x, to_y) = line.points[:2]
        label = _short(line.edge.label, 11)
        halo = ' stroke="#ffffff" stroke-width="4" paint-order="stroke"'
        yield _text((x + to_x) / 2, (y + to_y) / 2 + 4, label, size=12, fill=_INK, anchor="middle", more=halo)


def _legend(statuses: list[StepStatus], y: float) -> Iterator[str]:
    for number, status in enumerate(statuses):
        x = _MARGIN + number * _LEGEND_ENTRY
        colours = BY_STATUS[status]
        yield (
            f'<rect x="{x}" y="{y - 11:.1f}" width="14" height="14" rx="3" fill="{colours.fill}"'
            f' stroke="{colours.border}"/>'
        )
        yield _text(x + 20, y, status.value.replace("_", " "), size=12, fill=_FAINT)


def _text(  # noqa: PLR0913 - the attributes of the element, all but the place by name
    x: float,
    y: float,
    text: str,
    *,
    size: int,
    weight: int = 400,
    fill: str = _INK,
    anchor: str = "start",
    more: str = "",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{fill}"'
        f' text-anchor="{anchor}"{more}>{escape(text)}</text>'
    )


def _short(text: str, most: int = _MOST_LETTERS) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
