"""What clients rely on stays: both interfaces only grow, and what goes is deprecated first."""

import json
import re

import pytest
from graphql import BreakingChangeType, GraphQLSchema, build_schema, find_breaking_changes

from federation.export import RELEASED, RELEASED_OPENAPI, openapi_text, promised, sdl
from tests.contract.breaking import breaking_changes

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


ACCEPTED_OVER_REST: frozenset[str] = frozenset()
"""The same for the REST interface."""


def test_nothing_of_the_rest_interface_was_taken_away() -> None:
    changes = breaking_changes(json.loads(RELEASED_OPENAPI.read_text("utf-8")), json.loads(openapi_text()))

    assert set(changes) == ACCEPTED_OVER_REST


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"operationId": "getWorkflow"', '"operationId": "readWorkflow"', None),
        ('"/api/events"', '"/api/occurrences"', "emitEvent: gone"),
        ('"name": "search"', '"name": "text"', "listWorkflows parameter search: gone"),
        ('{"bump": ', '{"increment": ', "publishWorkflow request.bump: gone"),
        ('"enum": ["major", ', '"enum": [', "publishWorkflow request.bump: 'major' refused"),
        (
            '"revision": {"type": "integer"}',
            '"revision": {"type": "string"}',
            "createWorkflow 201.revision: string new",
        ),
        ('"201": {', '"202": {', "createWorkflow 201: gone"),
        (
            '"assignee": {"type": "string"',
            '"assignee": {"type": "integer"',
            "assignHumanTask request.assignee: string refused",
        ),
    ],
)
def test_the_check_of_the_rest_interface_sees_what_breaks(old: str, new: str, expected: str | None) -> None:
    text = json.dumps(promised(json.loads(openapi_text())))
    assert old in text

    changes = breaking_changes(json.loads(text), json.loads(re.sub(re.escape(old), new, text)))

    assert (expected in changes) if expected else (changes == [])
