"""Garbage collection of a process that serves for long."""

import gc
from typing import Final

_THRESHOLDS: Final = (10_000, 2, 5)
"""Python's own are 700, 10, 10: young objects are looked through after each 700, when most of a group commit's are in
use still. These look less often, and as often at all that has been made: what only a full look finds holds the bodies
of whole batches (a response of httpx and its stream hold each other)."""


def settle_heap() -> None:
    """Call once all is loaded.

    What is loaded stays: to look through it again and again would stop all work meanwhile, and cost more than all that
    it could free.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
