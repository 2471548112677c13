import hashlib

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from engine.definitions.hashing import canonical, content_hash, content_of
from engine.jsonvalue import Json

TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda children: st.lists(children) | st.dictionaries(TEXT, children),
    max_leaves=20,
)


@given(JSON)
def test_canonical_json_is_rfc_8785(value: Json) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_the_order_is_that_of_utf_16_code_units() -> None:
    assert canonical({"\U0001f600": 1, "\ufb33": 2, "a": 3, "A": 1.0}) == (
        '{"A":1,"a":3,"\U0001f600":1,"\ufb33":2}'.encode()
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**53, "exceeds safe integer"),
        (-(2**53), "exceeds safe integer"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ("\ud800", "UTF-8|utf-8"),
    ],
)
def test_what_has_no_canonical_form(value: Json, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        canonical({"x": value})


def test_the_hash_is_over_the_content_alone() -> None:
    content: dict[str, Json] = {"name": "x", "steps": [{"id": "a", "type": "parallel"}]}
    served: dict[str, Json] = {
        "steps": [{"type": "parallel", "id": "a"}],
        "name": "x",
        "id": "1",
        "status": "draft",
        "revision": 3,
        "version": "1.0.0",
        "isActive": True,
        "createdBy": "a",
        "createdAt": "t",
        "updatedAt": "t",
        "publishedVersion": None,
    }

    assert content_of(served) == content
    assert content_hash(served) == content_hash(content)
    expected = hashlib.sha256(b'{"name":"x","steps":[{"id":"a","type":"parallel"}]}').hexdigest()
    assert content_hash(content) == f"sha256:{expected}"
    assert content_hash({**content, "description": ""}) != content_hash(content)
