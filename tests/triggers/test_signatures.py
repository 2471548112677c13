import base64
import datetime as dt
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from engine.triggers.signatures import (
    BadSignature,
    Signed,
    StaleTimestamp,
    key_of,
    secret_from_bytes,
    sign,
    verify_github,
    verify_standard,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = secret_from_bytes(bytes(range(32)))
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(**changes: str) -> dict[str, str]:
    sent = {"webhook-id": ID, "webhook-timestamp": str(TIMESTAMP), "webhook-signature": SIGNATURE}
    return {**sent, **{f"webhook-{name}": value for name, value in changes.items()}}


def test_the_published_vector_holds() -> None:
    assert sign(SECRET, ID, TIMESTAMP, BODY) == SIGNATURE
    assert verify_standard(headers(), BODY, [SECRET], TIMESTAMP) == Signed(ID, TIMESTAMP)


def test_the_published_vector_with_another_ending_fails() -> None:
    changed = SIGNATURE.replace("J1OE=", "J1OA=")
    with pytest.raises(BadSignature):
        verify_standard(headers(signature=changed), BODY, [SECRET], TIMESTAMP)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "msg_other"},
        {"id": ""},
        {"id": "a.b"},
        {"timestamp": str(TIMESTAMP + 1)},
        {"timestamp": f" {TIMESTAMP}"},
        {"timestamp": "١٦١٤٢٦٥٣٣٠"},
        {"timestamp": "1614265330.0"},
        {"signature": ""},
        {"signature": SIGNATURE.removeprefix("v1,")},
        {"signature": "v2" + SIGNATURE.removeprefix("v1")},
        {"signature": " ".join(["v1,AAAA"] * 16 + [SIGNATURE])},
    ],
)
def test_what_was_not_signed_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        verify_standard(headers(**changes), BODY, [SECRET], TIMESTAMP)


def test_a_missing_header_another_body_another_secret_and_no_secret_are_refused_alike() -> None:
    messages = set()
    attempts = [
        ({"webhook-id": ID}, BODY, [SECRET]),
        (headers(), BODY + b" ", [SECRET]),
        (headers(), BODY, [OTHER]),
        (headers(), BODY, []),
        (headers(), BODY, ["no secret at all"]),
    ]
    for sent, body, secrets in attempts:
        with pytest.raises(BadSignature) as caught:
            verify_standard(sent, body, secrets, TIMESTAMP)
        messages.add(caught.value.message)
    assert len(messages) == 1


def test_any_of_several_secrets_and_any_of_several_signatures_may_fit() -> None:
    several = f"v1,{base64.b64encode(bytes(32)).decode()} v9,x garbage {SIGNATURE}"
    assert verify_standard(headers(signature=several), BODY, [OTHER, SECRET], TIMESTAMP).message_id == ID


@pytest.mark.parametrize(("off", "accepted"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_the_time_window_is_three_hundred_seconds_both_ways(off: int, accepted: bool) -> None:  # noqa: FBT001
    if accepted:
        assert verify_standard(headers(), BODY, [SECRET], TIMESTAMP + off).timestamp == TIMESTAMP
    else:
        with pytest.raises(StaleTimestamp):
            verify_standard(headers(), BODY, [SECRET], TIMESTAMP + off)


def test_a_wrong_signature_is_not_told_that_it_is_stale() -> None:
    with pytest.raises(BadSignature):
        verify_standard(headers(), b"other", [SECRET], TIMESTAMP + 9_999)


def test_githubs_vector_holds_and_its_neighbours_do_not() -> None:
    secret = "It's a Secret to Everybody"
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    sent = {"x-github-delivery": "72d3162e", "x-hub-signature-256": f"sha256={digest}"}
    assert verify_github(sent, b"Hello, World!", [OTHER, secret]) == Signed("72d3162e", None)
    for changed in (
        {**sent, "x-hub-signature-256": digest},
        {**sent, "x-hub-signature-256": f"sha256={digest.upper()}"},
        {**sent, "x-hub-signature-256": f"sha1={digest}"},
        {"x-hub-signature-256": f"sha256={digest}"},
    ):
        with pytest.raises(BadSignature):
            verify_github(changed, b"Hello, World!", [secret])


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_!!!", "abc", secret_from_bytes(bytes(23)), secret_from_bytes(bytes(65))]
)
def test_a_malformed_secret_is_said_to_be_one(text: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        key_of(text)


@given(st.binary(min_size=24, max_size=64), st.text("abcXYZ_-09", min_size=1), st.text())
def test_the_standard_library_of_the_field_agrees_both_ways(key: bytes, message_id: str, body: str) -> None:
    secret = secret_from_bytes(key)
    now = int(dt.datetime.now(tz=dt.UTC).timestamp())
    library = Webhook(secret)
    ours = sign(secret, message_id, now, body.encode())
    theirs = library.sign(message_id, dt.datetime.fromtimestamp(now, tz=dt.UTC), body)
    assert ours == theirs
    sent = {"webhook-id": message_id, "webhook-timestamp": str(now), "webhook-signature": ours}
    assert verify_standard(sent, body.encode(), [secret], now) == Signed(message_id, now)
    if body:
        with pytest.raises(WebhookVerificationError):
            library.verify("x" + body, sent)


@given(
    st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()), st.binary()
)
def test_no_header_whatever_it_holds_breaks_the_check(sent: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignature):
        verify_standard(sent, body, [SECRET], TIMESTAMP)


@given(st.dictionaries(st.sampled_from(["x-github-delivery", "x-hub-signature-256"]), st.text()), st.binary())
def test_no_github_header_breaks_the_check(sent: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignature):
        verify_github(sent, body, ["secret"])


def test_the_mac_is_plain_hmac_sha256() -> None:
    mac = hmac.new(key_of(SECRET), f"{ID}.{TIMESTAMP}.".encode() + BODY, hashlib.sha256).digest()
    assert "v1," + base64.b64encode(mac).decode() == SIGNATURE
