import logging
import pickle
import secrets

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.actions.connections.masking import Masker
from engine.actions.connections.secret_box import Sealed, SecretBox
from engine.actions.connections.secrets import MASK, Secret
from engine.actions.interface import Failed
from engine.errors import ConfigurationError, Unavailable

KEY = b"k" * 32


def box(*keys: bytes) -> SecretBox:
    return SecretBox(keys, secrets.token_bytes)


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_is_sealed_opens_again_in_its_place(plain: bytes, place: str) -> None:
    sealed = box(KEY).seal(plain, place)
    assert box(KEY).open(sealed, place) == plain
    assert len(plain) < 4 or plain not in sealed.ciphertext
    with pytest.raises(Unavailable):
        box(KEY).open(sealed, place + "x")


def test_a_new_key_in_front_seals_and_the_old_one_still_opens() -> None:
    old = box(KEY).seal(b"text", "p")
    both = box(b"n" * 32, KEY)
    assert both.open(old, "p") == b"text"
    assert both.seal(b"text", "p").key_id == both.sealing_key_id != old.key_id
    with pytest.raises(Unavailable):
        box(b"n" * 32).open(old, "p")


def test_altered_text_does_not_open() -> None:
    sealed = box(KEY).seal(b"text", "p")
    altered = Sealed(sealed.key_id, sealed.nonce, bytes([sealed.ciphertext[0] ^ 1]) + sealed.ciphertext[1:])
    with pytest.raises(Unavailable):
        box(KEY).open(altered, "p")


def test_the_same_text_never_seals_alike() -> None:
    assert box(KEY).seal(b"text", "p").ciphertext != box(KEY).seal(b"text", "p").ciphertext


def test_a_key_of_another_length_stops_the_process() -> None:
    with pytest.raises(ConfigurationError):
        box(b"short")


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(Unavailable):
        box().seal(b"text", "p")


def test_a_secret_does_not_show_itself(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("planted-9f3c")
    logging.getLogger("test").warning("with %s and %r", secret, {"token": secret})
    assert "planted" not in f"{secret}{secret!r}{[secret]}" + caplog.text
    with pytest.raises(TypeError):
        pickle.dumps(secret)


# An asterisk in a secret is what stands in place of one, too.
@given(
    st.text(min_size=4, max_size=30).filter(lambda secret: "*" not in secret),
    st.text(max_size=10),
    st.text(max_size=10),
)
@example("0000", "", "\0")
def test_a_masked_secret_is_in_no_value(secret: str, before: str, after: str) -> None:
    text, masker = before + secret + after, Masker([secret])
    shown = masker.text(text)
    assert masker.json({text: [text, {"k": secret}], "n": 1}) == {shown: [shown, {"k": MASK}], "n": 1}
    assert all(secret not in piece for piece in shown.split(MASK))


@pytest.mark.parametrize("shown", [4, 11, 23])
def test_a_secret_that_was_cut_in_two_leaves_with_the_text(shown: int) -> None:
    secret = "planted-9f3c-very-secret"
    padding = "x" * (100 - shown)
    assert Masker([secret]).text(padding + secret[:shown]) == padding
    assert Masker([secret]).text(padding + "plaice" + "-" * shown) == padding + "plaice" + "-" * shown


def test_a_code_shows_no_secret_either() -> None:
    masked = Masker(["planted-9f3c"]).result(
        Failed("slack.planted-9f3c", "m planted-9f3c", details={"planted-9f3c": 1})
    )
    assert masked == Failed("slack.***", "m ***", details={"***": 1})


@pytest.mark.parametrize(
    ("secret", "echoed"),
    [
        ("Key planted-9f3c", "planted-9f3c"),
        ("https://hooks.example.org/services/T0/B0/planted-9f3c", "/services/T0/B0/planted-9f3c"),
        ("https://hooks.example.org/services/T0/B0/planted-9f3c", "planted-9f3c"),
        ("planted 9f/3c", "planted%209f/3c"),
        ("planted 9f/3c", "planted%209f%2F3c"),
        ("planted 9f/3c", "planted+9f%2F3c"),
    ],
)
def test_what_of_a_secret_is_secret_by_itself_is_masked_too(secret: str, echoed: str) -> None:
    assert Masker([secret]).text(f"sent {echoed} to hooks.example.org") == "sent *** to hooks.example.org"
