"""Secrets in memory: values that do not show themselves."""

from collections.abc import Iterable, Mapping
from typing import NoReturn

MASK = "***"


class Secret:
    """A secret string. It prints as a mask and cannot be pickled; `reveal` is the one way to the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the far side only."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not written anywhere.")


def reveal_all(secrets: Mapping[str, Secret]) -> tuple[tuple[str, str], ...]:
    """Names and texts, for headers."""
    return tuple((name, secret.reveal()) for name, secret in secrets.items())


def texts(secrets: Iterable[Secret]) -> tuple[str, ...]:
    """The texts, for masking."""
    return tuple(secret.reveal() for secret in secrets)
