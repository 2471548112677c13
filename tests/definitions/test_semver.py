import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.definitions.semver import Bump, SemverError, Version, bump_between, bumped, parse_version

ASCENDING = [
    "0.0.0", "0.0.1", "0.10.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
    "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0",
]  # fmt: skip
NUMBERS = st.integers(0, 10**12)
PRERELEASES = st.lists(st.from_regex(r"0|[1-9][0-9]{0,5}|[0-9]*[A-Za-z-][0-9A-Za-z-]{0,4}", fullmatch=True), max_size=3)
VERSIONS = st.builds(
    Version, NUMBERS, NUMBERS, NUMBERS, PRERELEASES.map(tuple), st.lists(st.just("b7"), max_size=2).map(tuple)
)


@pytest.mark.parametrize(("lower", "higher"), list(itertools.combinations(ASCENDING, 2)))
def test_precedence(lower: str, higher: str) -> None:
    assert parse_version(lower) < parse_version(higher)
    assert not parse_version(higher) <= parse_version(lower)


@given(VERSIONS)
def test_text_and_version_are_one(version: Version) -> None:
    assert str(parse_version(str(version))) == str(version)


def test_build_metadata_does_not_count() -> None:
    assert parse_version("1.0.0+a") == parse_version("1.0.0+b")
    assert len({parse_version("1.0.0+a"), parse_version("1.0.0")}) == 1


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "1.0.0 ", "1.0.0\n", "-1.0.0",
     "1.0.0-a..b", "1.0.0-é", "\u0661.0.0", "1" * 300 + ".0.0"],
)  # fmt: skip
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(SemverError):
        parse_version(text)


@pytest.mark.parametrize(
    ("before", "bump", "after"),
    [
        (None, "patch", "1.0.0"), (None, "major", "1.0.0"), ("1.2.3", "major", "2.0.0"), ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "patch", "1.2.4"), ("2.0.0-rc.1", "major", "2.0.0"), ("2.1.0-rc.1", "major", "3.0.0"),
        ("2.1.0-rc.1", "minor", "2.1.0"), ("2.1.3-rc.1", "minor", "2.2.0"), ("2.1.3-rc.1", "patch", "2.1.3"),
    ],
)  # fmt: skip
def test_bumps(before: str | None, bump: str, after: str) -> None:
    older = None if before is None else parse_version(before)
    assert str(bumped(older, Bump(bump))) == after


@given(VERSIONS, st.sampled_from(list(Bump)))
def test_a_bumped_version_is_greater(version: Version, bump: Bump) -> None:
    assert bumped(version, bump) > version


def test_the_bump_between_two_versions() -> None:
    older = parse_version("1.2.3")
    assert [bump_between(older, parse_version(text)) for text in ("2.0.0", "1.3.0", "1.2.4")] == list(Bump)
    assert [bump.size for bump in Bump] == [2, 1, 0]
