"""What the driver takes for an array, asked in a way that costs little."""

from typing import Final

from asyncpg.protocol import protocol

ARRAYS: Final = (list, tuple, set, frozenset)
"""Types of the arrays that statements are given."""


def ask_for_plain_types() -> None:
    """Have asyncpg know an array by its plain type; may be called again.

    Of each element of an array it asks whether that is an array itself, of abstract base classes, and the asking costs
    as much as all else that it does for the element (`asyncpg/protocol/codecs/array.pyx`). A group commit has thousands
    of them. What is no array of these types is refused as before, with `asyncpg.DataError`.
    """
    protocol.IterableABC = protocol.SizedABC = ARRAYS
