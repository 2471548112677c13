"""What evidence is made of, without servers."""

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from engine.jsonvalue import Json, dumps, loads
from engine.provenance.canonical import canonical
from engine.provenance.disclosure import MASK, MaskSecrets, is_masked, masked
from engine.provenance.members import Large, Row, object_line
from engine.provenance.statement import digest

names = st.text(max_size=12) | st.sampled_from(
    ["password", "API-Key", "access token", "Authorization", "cookies", "size"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(names, values, max_size=6))
def test_the_canonical_form_is_that_of_rfc_8785(value: dict[str, Json]) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(values)
def test_what_is_not_parsed_holds_no_secret(value: Json) -> None:
    payload = dumps(value).encode()

    line = loads(object_line("steps", Row({}, {"output": payload}), MaskSecrets(1 << 20)))

    assert isinstance(line, dict)
    if value is not None:
        assert line["output"] == masked(value)
    assert line["outputDigest"] == digest(payload)


def test_secret_members_are_masked_at_any_depth_and_nothing_else_is() -> None:
    value: Json = {
        "headers": [{"Set-Cookie": "a=b", "Accept": "*/*"}],
        "monkey": 1,
        "privateKey": None,
        "passwords": ["x"],
    }

    shown = masked(value)

    assert shown == {
        "headers": [{"Set-Cookie": MASK, "Accept": "*/*"}],
        "monkey": 1,
        "privateKey": None,
        "passwords": MASK,
    }
    assert is_masked(shown)
    assert not is_masked(value)


def test_a_name_that_is_spelled_in_escapes_is_masked_too() -> None:
    line = object_line("execution", Row({}, {"triggerData": b'{"p\\u0061ssword": "hunter2"}'}), MaskSecrets(100))

    assert b"hunter2" not in line


def test_a_payload_that_was_not_read_stands_by_its_digest() -> None:
    line = loads(object_line("steps", Row({}, {"output": Large("ab" * 32, 70_000)}), MaskSecrets(100)))

    assert line == {"output": {"withheld": "large", "bytes": 70_000}, "outputDigest": f"sha256:{'ab' * 32}"}
