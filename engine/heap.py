"""Garbage collection of a process that serves for long."""

import gc
from typing import Final

YOUNG_OBJECTS: Final = 20_000
"""So many objects are made before young ones are looked through: of the 700 that Python begins with, most of a group
commit's are still in use, and are looked through again and again. One look takes a millisecond or two."""


def settle_heap() -> None:
    """Call once all is loaded.

    What is loaded stays: to look through it again and again would stop all work meanwhile, and cost more than all that
    it could free.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
