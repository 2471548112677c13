"""Limits of any document, whatever it says: depth, size, characters and numbers that later stages can rely on."""

import math
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import orjson

from engine.definitions.faults import FaultCode, fault
from engine.definitions.pointers import escaped
from engine.errors import Fault
from engine.jsonvalue import Json

MAX_DEPTH: Final = 64
MAX_ITEMS: Final = 10_000
MAX_VALUES: Final = 500_000
MAX_SAFE_NUMBER: Final = 2**53 - 1
LEAST_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1
MAX_FAULTS: Final = 1_000
"""No answer carries more faults than this; nobody mends more in one go."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one walk over a document found.

    Attributes:
        is_readable: False: a limit of depth or size is broken, so that the later stages must not look at it.
    """

    faults: tuple[Fault, ...]
    is_readable: bool


_FINE: Final = Survey((), is_readable=True)


def survey(document: Json, *, is_payload: bool = False) -> Survey:
    """One walk over the whole document, in time and stack bounded by the limits.

    A definition has a canonical form, in which only safe numbers keep their value. A payload is handed on as it came:
    in it integers of 64 bits and all doubles may stand.
    """
    if _is_plainly_fine(document):
        return _FINE
    walk = _Walk(is_payload)
    walk.visit(document, 1, None)
    return Survey(tuple(walk.faults), walk.is_readable)


def _is_plainly_fine(document: Json) -> bool:
    """True only for documents within all limits, at a fraction of the price of the walk. False is no verdict."""
    try:
        # The serialiser refuses lone surrogates, and shows NUL characters; an escaped backslash before u0000 looks the
        # same, and the walk will tell the two apart.
        text = orjson.dumps(document)
    except TypeError:
        return False
    if text.count(b",") >= MAX_ITEMS or b"\\u0000" in text:
        return False
    return _is_within(document, MAX_DEPTH)


def _is_within(value: Json, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_is_within(one, depth - 1) for one in value.values() if one.__class__ is not str)
    if isinstance(value, list):
        return depth > 0 and all(_is_within(one, depth - 1) for one in value if one.__class__ is not str)
    return not isinstance(value, int | float) or -MAX_SAFE_NUMBER <= value <= MAX_SAFE_NUMBER


_Trail: TypeAlias = "tuple[_Trail, str | int] | None"
"""The way from the root as a linked list: a pointer is only built where a fault needs one."""


@dataclass(slots=True)
class _Walk:
    is_payload: bool
    faults: list[Fault] = field(default_factory=list)
    is_readable: bool = True
    values: int = 0

    def visit(self, value: Json, depth: int, trail: _Trail) -> None:
        if isinstance(value, str):
            self._visit_text(value, trail)
        elif isinstance(value, dict):
            self._visit_object(value, depth, trail)
        elif isinstance(value, list):
            if self._enter(depth, len(value), trail):
                for index, item in enumerate(value):
                    self.visit(item, depth + 1, (trail, index))
        elif isinstance(value, int | float) and not self._is_kept(value):
            message = f"The number {_short(value)} cannot be kept exactly."
            self._add(FaultCode.DOCUMENT_NUMBER_OUT_OF_RANGE, trail, message)

    def _is_kept(self, number: float) -> bool:
        if not self.is_payload:
            return -MAX_SAFE_NUMBER <= number <= MAX_SAFE_NUMBER
        return LEAST_INTEGER <= number <= MAX_INTEGER if isinstance(number, int) else math.isfinite(number)

    def _visit_object(self, members: dict[str, Json], depth: int, trail: _Trail) -> None:
        if not self._enter(depth, len(members), trail):
            return
        for name, member in members.items():
            here = (trail, name)
            self._visit_text(name, here)
            self.visit(member, depth + 1, here)

    def _enter(self, depth: int, size: int, trail: _Trail) -> bool:
        self.values += size
        if depth > MAX_DEPTH:
            return self._refuse(
                FaultCode.DOCUMENT_TOO_DEEP, trail, f"Values are nested deeper than {MAX_DEPTH} levels."
            )
        if size > MAX_ITEMS:
            return self._refuse(FaultCode.DOCUMENT_TOO_LARGE, trail, f"{size} items stand here; {MAX_ITEMS} may.")
        if self.values > MAX_VALUES:
            if not self.is_readable:
                return False
            return self._refuse(FaultCode.DOCUMENT_TOO_LARGE, None, f"The document has more than {MAX_VALUES} values.")
        return True

    def _refuse(self, code: FaultCode, trail: _Trail, message: str) -> bool:
        self.is_readable = False
        self._add(code, trail, message)
        return False

    def _visit_text(self, text: str, trail: _Trail) -> None:
        if text.isprintable():
            return
        if "\0" in text:
            self._add(FaultCode.DOCUMENT_NUL_CHARACTER, trail, "A text here contains the NUL character.")
        if not _is_encodable(text):
            self._add(FaultCode.DOCUMENT_LONE_SURROGATE, trail, "A text here contains half of a surrogate pair.")

    def _add(self, code: FaultCode, trail: _Trail, message: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(fault(code, _pointer(trail), message))


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(value: float) -> str:
    return repr(value) if -1e60 < value < 1e60 else "beyond 1e60"


def _pointer(trail: _Trail) -> str:
    segments: list[str] = []
    while trail is not None:
        trail, segment = trail
        # A lone surrogate in a name must not end up in the answer, which could then not be written.
        segments.append(escaped(str(segment).encode("utf-8", "replace").decode()))
    return "".join(f"/{segment}" for segment in reversed(segments))
