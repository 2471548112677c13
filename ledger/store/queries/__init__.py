"""Reads the named blocks of the `.sql` files beside it."""

import re
from pathlib import Path

_HEAD = re.compile(r"^-- name: (\w+).*$", re.MULTILINE)


def load(file: str) -> dict[str, str]:
    """Statements of one file by name."""
    parts = _HEAD.split((Path(__file__).parent / file).read_text())
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
