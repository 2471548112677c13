"""Between JSON and PostgreSQL's types."""

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final
from uuid import UUID

import asyncpg

from engine.jsonvalue import Json


class ParameterError(ValueError):
    """A parameter does not fit the type that the statement expects in its place."""


def to_parameter(value: Json, type_name: str, position: int) -> object:
    """The value that the driver takes for a parameter of this PostgreSQL type. null is null for every type.

    Raises:
        ParameterError: naming the position and the type.
    """
    if value is None or type_name in {"json", "jsonb"}:
        return value
    convert = _FROM_JSON.get(type_name)
    if convert is None:
        return value
    try:
        return convert(value)
    except (ValueError, TypeError, InvalidOperation, binascii.Error) as exc:
        raise ParameterError(f"Parameter {position} does not fit the type {type_name}.") from exc


def from_column(value: object) -> Json:
    """A column's value as JSON.

    Instants are RFC 3339, exact numbers and whatever JSON has no type for are text, bytes are base64.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, (Mapping, asyncpg.Record)):
        return {str(name): from_column(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [from_column(part) for part in value]
    return _written(value)


def _written(value: object) -> str:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"PT{value.total_seconds():f}S"
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(bytes(value)).decode("ascii")
    return str(value)


def _string(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Json) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError
    return Decimal(str(value))


_FROM_JSON: Final[Mapping[str, Callable[[Json], object]]] = MappingProxyType(
    {
        "timestamptz": lambda value: datetime.fromisoformat(_string(value)),
        "timestamp": lambda value: datetime.fromisoformat(_string(value)),
        "date": lambda value: date.fromisoformat(_string(value)),
        "time": lambda value: time.fromisoformat(_string(value)),
        "timetz": lambda value: time.fromisoformat(_string(value)),
        "uuid": lambda value: UUID(_string(value)),
        "numeric": _number,
        "bytea": lambda value: base64.b64decode(_string(value), validate=True),
        "text": _string,
        "varchar": _string,
        "bpchar": _string,
    }
)
