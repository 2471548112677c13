"""JSON text from outside, read without believing it."""

import json
import re
from collections.abc import Iterator
from typing import Final, NoReturn

import orjson

from engine.definitions.faults import FaultCode, fault
from engine.definitions.limits import MAX_DEPTH, MAX_FAULTS, Survey, survey
from engine.definitions.pointers import escaped
from engine.errors import Fault, MalformedRequest, ValidationFailed
from engine.jsonvalue import Json

_STRING_OR_NAME: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?', re.DOTALL)


def read_document(text: bytes) -> Json:
    """Value of a JSON text.

    The text is valid UTF-8 JSON, no object has a member twice, and depth, size, characters and numbers are within the
    limits of `engine.definitions.limits`.

    Raises:
        MalformedRequest: not JSON at all.
        ValidationFailed: JSON that breaks one of the rules above, with every such fault.
    """
    value = _parsed(text)
    return _checked(text, value, survey(value))


def read_payload(text: bytes) -> Json:
    """Value of a JSON text that may hold payloads: as `read_document`, with the numbers that payloads may have."""
    value = _parsed(text)
    found = survey(value)
    if any(one.code == FaultCode.DOCUMENT_NUMBER_OUT_OF_RANGE for one in found.faults):
        # The fast parser rounds integers of more than 64 bits; the other one shows what stands there.
        value = _read_slowly(text, None)
        found = survey(value, is_payload=True)
    return _checked(text, value, found)


def _parsed(text: bytes) -> Json:
    try:
        value: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _read_slowly(text, error)
    return value


def _checked(text: bytes, value: Json, found: Survey) -> Json:
    faults = list(found.faults)
    # Each member shows as one name in the text; fewer names when written again: the parser dropped doubles.
    if found.is_readable and _names_in(_written_again(value)) != _names_in(text):
        faults.extend(_duplicates(text))
    if faults:
        raise ValidationFailed(tuple(faults[:MAX_FAULTS]))
    return value


def _names_in(text: bytes) -> int:
    return sum(1 for colon in _STRING_OR_NAME.findall(text) if colon)


def _written_again(value: Json) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


def _read_slowly(text: bytes, cause: orjson.JSONDecodeError | None) -> Json:
    """Second opinion on what the fast parser refuses: it may be too deep or hold half characters, and still be JSON."""
    try:
        value: Json = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        message = f"Values are nested deeper than {MAX_DEPTH} levels."
        raise ValidationFailed((fault(FaultCode.DOCUMENT_TOO_DEEP, "", message),)) from None
    except ValueError:
        raise MalformedRequest(f"The text is not JSON: {cause or 'a number in it has too many digits'}.") from cause
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class _Members(list[tuple[str, object]]):
    """An object as it stands in the text: every member, doubles included."""


def _duplicates(text: bytes) -> Iterator[Fault]:
    yield from _duplicates_below(json.loads(text, object_pairs_hook=_Members), "")


def _duplicates_below(value: object, pointer: str) -> Iterator[Fault]:
    if isinstance(value, _Members):
        seen: set[str] = set()
        for name, member in value:
            path = f"{pointer}/{escaped(name)}"
            if name in seen:
                yield fault(FaultCode.DOCUMENT_DUPLICATE_MEMBER, path, f"The member {name!r} stands here twice.")
            seen.add(name)
            yield from _duplicates_below(member, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _duplicates_below(item, f"{pointer}/{index}")
