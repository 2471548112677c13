"""Reading JSON bodies strictly: every member that is wrong, or that nobody knows, is a fault."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from engine.definitions.model import Priority
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

UNKNOWN_MEMBER = "request.unknown_member"
WRONG_TYPE = "request.wrong_type"
WRONG_VALUE = "request.wrong_value"
MISSING_MEMBER = "request.missing_member"
MAX_TEXT = 2_000


class BodyReader:
    """Takes members out of a JSON object one by one and gathers what is wrong with them."""

    def __init__(self, body: Json, path: str = "") -> None:
        self.faults: list[Fault] = []
        self._path = path
        self._members: dict[str, Json] = {}
        if isinstance(body, dict):
            self._members = dict(body)
        else:
            self._wrong_type("", "a JSON object")

    def text(self, name: str, default: str = "") -> str:
        """A string of at most 2,000 characters; the default where it is absent or null."""
        value = self._members.pop(name, None)
        if value is None:
            return default
        if not isinstance(value, str):
            self._wrong_type(name, "a string")
            return default
        if len(value) > MAX_TEXT:
            self._add(WRONG_VALUE, name, f"{name!r} is longer than {MAX_TEXT} characters.", "Shorten it.")
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None where it is absent or null."""
        return self.text(name) or None

    def flag(self, name: str) -> bool:
        """A boolean, False where it is absent."""
        value = self._members.pop(name, None)
        if value is None or isinstance(value, bool):
            return value or False
        self._wrong_type(name, "true or false")
        return False

    def integer(self, name: str) -> int | None:
        """A whole number, or None where it is absent."""
        value = self._members.pop(name, None)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self._wrong_type(name, "a whole number")
        return None

    def value(self, name: str, default: Json = None) -> Json:
        """Any JSON value."""
        return self._members.pop(name, default)

    def members(self, name: str) -> JsonObject:
        """A JSON object, empty where it is absent."""
        value = self._members.pop(name, None)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        self._wrong_type(name, "a JSON object")
        return {}

    def choice(self, name: str, choices: type[E]) -> E | None:
        """A member of an enumeration, or None where it is absent."""
        return self._parsed(name, choices, "one of " + ", ".join(repr(item.value) for item in choices))

    def identifier(self, name: str) -> UUID | None:
        """A UUID, or None where it is absent."""
        return self._parsed(name, UUID, "a UUID")

    def priority(self, name: str) -> Priority | None:
        """A priority by its name or number, or None where it is absent."""
        value = self._members.pop(name, None)
        if value is None:
            return None
        if isinstance(value, str) and value.upper() in Priority.__members__:
            return Priority[value.upper()]
        if isinstance(value, int) and not isinstance(value, bool) and value in set(Priority):
            return Priority(value)
        names = ", ".join(item.name.lower() for item in Priority)
        self._add(WRONG_VALUE, name, f"{name!r} is not a priority.", f"Use one of {names}.")
        return None

    def nested(self, name: str) -> "BodyReader":
        """Reader of a member that is an object; its faults must be added with `absorb`."""
        return BodyReader(self._members.pop(name, None) or {}, f"{self._path}/{name}")

    def absorb(self, nested: "BodyReader") -> None:
        """Take over the faults of a nested reader, unknown members included."""
        self.faults.extend(nested.finish())

    def require(self, name: str, value: object) -> None:
        """A member that must be there."""
        already_said = any(fault.path == f"{self._path}/{name}" for fault in self.faults)
        if value is None and not already_said:
            self.faults.append(Fault(MISSING_MEMBER, self._path, f"{name!r} is missing.", f"Add {name!r}."))

    def finish(self) -> tuple[Fault, ...]:
        """All faults; each member that nobody asked for is one too."""
        for name in self._members:
            self._add(UNKNOWN_MEMBER, name, f"{name!r} is not a member of this request.", "Remove it.")
        return tuple(self.faults)

    def _parsed(self, name: str, parse: Callable[[str], T], wanted: str) -> T | None:
        value = self._members.pop(name, None)
        if value is None:
            return None
        try:
            if isinstance(value, str):
                return parse(value)
        except ValueError:
            pass
        self._add(WRONG_VALUE, name, f"{name!r} is not {wanted}.", f"Give {wanted}.")
        return None

    def _wrong_type(self, name: str, wanted: str) -> None:
        what = repr(name) if name else "The body"
        self._add(WRONG_TYPE, name, f"{what} is not {wanted}.", f"Give {wanted}.")

    def _add(self, code: str, name: str, message: str, hint: str) -> None:
        pointer = f"{self._path}/{name.replace('~', '~0').replace('/', '~1')}" if name else self._path
        self.faults.append(Fault(code, pointer, message, hint))
