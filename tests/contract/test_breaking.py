"""What clients rely on stays: the schema only grows, and what goes is deprecated first."""

import pytest
from graphql import BreakingChangeType, GraphQLSchema, build_schema, find_breaking_changes

from federation.export import RELEASED, sdl

ACCEPTED: frozenset[str] = frozenset()
"""Breaking changes that a major release makes on purpose, in the words of the check."""


def schema_of(text: str) -> GraphQLSchema:
    return build_schema(text, assume_valid=True)


def test_nothing_that_clients_rely_on_was_taken_away() -> None:
    changes = find_breaking_changes(schema_of(RELEASED.read_text("utf-8")), schema_of(sdl()))

    assert {change.description for change in changes} - ACCEPTED == set()


def test_what_is_accepted_is_really_changed() -> None:
    changes = find_breaking_changes(schema_of(RELEASED.read_text("utf-8")), schema_of(sdl()))

    assert {change.description for change in changes} >= ACCEPTED


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  isActive: Boolean!\n", "  renamed: Boolean!\n", BreakingChangeType.FIELD_REMOVED),
        ("  revision: Int!\n", "  revision: String!\n", BreakingChangeType.FIELD_CHANGED_KIND),
        ("  templateId: ID!\n", "  templateId: ID!\n  must: Int!\n", BreakingChangeType.REQUIRED_INPUT_FIELD_ADDED),
    ],
)
def test_the_check_sees_what_breaks(old: str, new: str, expected: BreakingChangeType) -> None:
    text = RELEASED.read_text("utf-8")
    assert old in text

    changes = find_breaking_changes(schema_of(text), schema_of(text.replace(old, new, 1)))

    assert expected in {change.type for change in changes}
