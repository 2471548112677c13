"""Strict reading of JSON from outside, and the canonical form of RFC 8785."""

import json
from typing import NoReturn, TypeAlias, cast

import rfc8785

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]


def parse(text: bytes) -> Json:
    """Value of JSON text in UTF-8.

    Raises:
        ValueError: not JSON, a member twice, NaN or an infinity, or nested too deeply.
    """
    try:
        value: Json = json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    return value


def canonical(value: Json) -> bytes:
    """Canonical form.

    Raises:
        ValueError: a number or a string that has none.
    """
    try:
        return rfc8785.dumps(cast("dict[str, object]", value))  # type: ignore[arg-type]  # its own alias says the same
    except rfc8785.CanonicalizationError as exc:
        raise ValueError(str(exc)) from exc


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return members


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
