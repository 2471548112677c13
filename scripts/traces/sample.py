"""The trace of the sample job."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.traces.drawing import draw
from scripts.traces.reading import read_folder

ROOT: Final = "sample job"
"""The span of the caller, under which everything else of the job comes to stand."""


def draw_newest(folder: Path) -> Iterator[str]:
    """The lines of the newest sample job's trace; none where no job has ended."""
    spans = read_folder(folder)
    roots = sorted((span for span in spans if span.name == ROOT and not span.parent_id), key=lambda one: one.start_ns)
    if roots:
        yield from draw(spans, roots[-1].trace_id)
