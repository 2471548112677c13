"""SQL of the hot paths: named blocks in `queries/*.sql`, read once."""

from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_MARK: Final = "-- name: "


@cache
def load(name: str) -> MappingProxyType[str, str]:
    """Statements of `queries/<name>.sql` by the names of their blocks.

    Raises:
        KeyError: on reading a block that the file does not have.
    """
    text = files("engine.store").joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")
    blocks: dict[str, str] = {}
    for part in text.split(_MARK)[1:]:
        title, _, body = part.partition("\n")
        blocks[title.split()[0]] = body.strip().rstrip(";")
    _NAMES.update({sql: f"{name}.{block}" for block, sql in blocks.items()})
    return MappingProxyType(blocks)


def name_of(sql: str) -> str:
    """`<file>.<block>` of a statement, for metrics; `other` for one that stands elsewhere."""
    return _NAMES.get(sql, "other")


_NAMES: Final[dict[str, str]] = {}
