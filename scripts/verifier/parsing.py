"""Strict reading of JSON, base64, hex and times: one form each, everything else is an error."""

import base64
import binascii
import json
import re
from datetime import datetime
from typing import NoReturn, TypeAlias

from .reasons import VerificationError

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
JsonObject: TypeAlias = dict[str, Json]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def json_object(data: bytes, what: str) -> JsonObject:
    """Object of JSON text in UTF-8, without a member twice, NaN, or nesting beyond reason."""
    try:
        value: Json = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        raise VerificationError(f"{what} is not strict JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise VerificationError(f"{what} is not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return members


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def member(document: JsonObject, path: str, what: str) -> str:
    """The non-empty string at a dotted path."""
    value: Json = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value:
        raise VerificationError(f"{what} has no string {path}")
    return value


def number(document: JsonObject, path: str, what: str) -> int:
    """The whole number at a dotted path."""
    value: Json = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        raise VerificationError(f"{what} has no whole number {path}")
    return value


def decode(text: str, what: str, *, url_safe_too: bool = False) -> bytes:
    """Bytes of canonical base64."""
    standard = text.translate(str.maketrans("-_", "+/")) if url_safe_too else text
    if url_safe_too:
        standard += "=" * (-len(standard) % 4)
    try:
        value = base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise VerificationError(f"{what} is not base64") from exc
    if base64.b64encode(value).decode() != standard:
        raise VerificationError(f"{what} is not canonical base64")
    return value


def sha256_hex(text: Json, what: str) -> str:
    """Lower-case hex of 32 bytes."""
    if not isinstance(text, str) or not _SHA256.fullmatch(text):
        raise VerificationError(f"{what} is not a SHA-256 in lower-case hex")
    return text


def instant(text: str, what: str) -> datetime:
    """Instant of an RFC 3339 text in UTC."""
    try:
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise VerificationError(f"{what} is not an instant in UTC: {text[:40]!r}")
