"""Semantic versions (semver.org, 2.0.0): parse, compare, bump."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import total_ordering
from typing import Final

MAX_VERSION_CHARS: Final = 256
_NUMBER: Final = r"(0|[1-9][0-9]*)"
_IDENTIFIERS: Final = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION: Final = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIERS}))?(?:\+({_IDENTIFIERS}))?", re.ASCII)


class Bump(StrEnum):
    """Which part of a version grows."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"

    @property
    def size(self) -> int:
        """Greater for the greater bump."""
        return (Bump.PATCH, Bump.MINOR, Bump.MAJOR).index(self)


class SemverError(ValueError):
    """The text is not a semantic version."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A semantic version. Equality and order are precedence: build metadata does not count."""

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()
    build: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        if self.prerelease:
            text += f"-{'.'.join(self.prerelease)}"
        return f"{text}+{'.'.join(self.build)}" if self.build else text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._precedence() == other._precedence()

    def __lt__(self, other: "Version") -> bool:
        return self._precedence() < other._precedence()

    def __hash__(self) -> int:
        return hash(self._precedence())

    def _precedence(self) -> tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]:
        # Rule 11: numbers before words, numbers by value, words by ASCII; a version without a prerelease comes last.
        identifiers = tuple((False, int(part), "") if part.isdigit() else (True, 0, part) for part in self.prerelease)
        return (self.major, self.minor, self.patch, not self.prerelease, identifiers)


FIRST_VERSION: Final = Version(1, 0, 0)
"""What the first publish by bump makes, whichever bump it asks for."""


def parse_version(text: str) -> Version:
    """Version of its text.

    Raises:
        SemverError: not a semantic version, or longer than 256 characters.
    """
    match = _VERSION.fullmatch(text) if len(text) <= MAX_VERSION_CHARS else None
    if match is None:
        raise SemverError(f"{text[:100]!r} is not a semantic version such as 1.4.0")
    prerelease = tuple(match[4].split(".")) if match[4] else ()
    if any(part.isdigit() and len(part) > 1 and part[0] == "0" for part in prerelease):
        raise SemverError(f"{text!r} has a number with a leading zero")
    return Version(
        int(match[1]), int(match[2]), int(match[3]), prerelease, tuple(match[5].split(".")) if match[5] else ()
    )


def bumped(version: Version | None, bump: Bump) -> Version:
    """The next version: greater than `version`, without prerelease and build. None: nothing was published yet."""
    if version is None:
        return FIRST_VERSION
    if bump is Bump.MAJOR:
        # 2.0.0-rc.1 is released as 2.0.0; the same holds below for smaller bumps.
        release = version.prerelease and version.minor == version.patch == 0
        return Version(version.major if release else version.major + 1, 0, 0)
    if bump is Bump.MINOR:
        release = version.prerelease and version.patch == 0
        return Version(version.major, version.minor if release else version.minor + 1, 0)
    return Version(version.major, version.minor, version.patch if version.prerelease else version.patch + 1)


def bump_between(older: Version, newer: Version) -> Bump:
    """The bump that an explicit version stands for."""
    if newer.major != older.major:
        return Bump.MAJOR
    return Bump.MINOR if newer.minor != older.minor else Bump.PATCH
