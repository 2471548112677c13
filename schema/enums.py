"""Enumerations of the graph: each value stands beside what it means."""

from collections.abc import Callable
from enum import StrEnum
from typing import Self, TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition


class ExplainedEnum(StrEnum):
    """Values that say what they mean: `queued = "queued", "Accepted; no worker has taken it yet."`."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Self:
        """One value; `meaning` is for those who read the graph."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


Explained = TypeVar("Explained", bound=type[ExplainedEnum])


def enum(description: str) -> Callable[[Explained], Explained]:
    """An enumeration of the graph whose values are described by their meanings."""

    def declare(cls: Explained) -> Explained:
        strawberry.enum(cls, description=description)
        definition: StrawberryEnumDefinition = cls.__strawberry_definition__  # type: ignore[attr-defined]
        for value in definition.values:
            value.description = cls[value.name].meaning
        return cls

    return declare
