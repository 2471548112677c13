"""The largest output that a step may have. What is large in it PostgreSQL keeps apart from the rows (TOAST)."""

from typing import Final

from engine.jsonvalue import Json, dumps
from engine.runtime.transitions import Failure

LIMIT: Final = 16 << 20
"""Bytes of one output as it is stored. An API call's body is limited to less; this holds for whatever actions give."""


def excess_of(output: Json) -> Failure | None:
    """Why an output is not kept; None: it is small enough, or cannot be written at all, which the writer finds."""
    if not output:
        return None
    try:
        size = len(dumps(output))
    except TypeError:
        return None
    if size <= LIMIT:
        return None
    message = (
        f"The output has {size} bytes; a step may give at most {LIMIT}. Keep large content elsewhere and return where."
    )
    return Failure("step.output_too_large", message, {"bytes": size, "limit": LIMIT})
