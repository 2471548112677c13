"""The one alias for JSON data, and the one place where JSON text is read and written."""

from collections.abc import Mapping
from typing import TypeAlias

import orjson

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
JsonObject: TypeAlias = dict[str, Json]


def dumps(value: Json | Mapping[str, Json]) -> str:
    """JSON text of a value, compact, members in their own order."""
    return orjson.dumps(value).decode()


def loads(text: str | bytes) -> Json:
    """Value of JSON text that the product itself wrote.

    Raises:
        ValueError: the text is not JSON. Text from outside goes through `engine.definitions.reading` instead,
            which also finds duplicate members and bounds depth.
    """
    value: Json = orjson.loads(text)
    return value
