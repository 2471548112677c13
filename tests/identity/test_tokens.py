import json
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigurationError, Unauthenticated
from engine.identity.tokens import TokenRules, TokenVerifier, actor_of, bearer_token
from tests.clock import FakeClock

SECRET = "a-shared-secret-of-at-least-32-bytes"
NOW = FakeClock().now().timestamp()


DEEP = jwt.utils.base64url_encode(b"[" * 10_000).decode() + ".e30.x"


class OneKey:
    def __init__(self, key: jwt.PyJWK) -> None:
        self.key = key
        self.asked: list[tuple[str | None, str]] = []

    async def key_for(self, key_id: str | None, algorithm: str) -> jwt.PyJWK:
        self.asked.append((key_id, algorithm))
        return self.key


def token(claims: Mapping[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(dict(claims), secret, algorithm)


def verifier(**rules: Any) -> TokenVerifier:
    return TokenVerifier(TokenRules(SECRET, **rules), FakeClock())


async def refused(checker: TokenVerifier, text: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await checker.verify(text)
    return caught.value.code


async def test_a_full_token_becomes_an_actor() -> None:
    claims = {
        "sub": "ada",
        "tenant": "acme",
        "email": "ada@example.com",
        "role": "editor",
        "roles": ["approver"],
        "groups": ["finance"],
        "department": "r&d",
        "exp": NOW + 60,
    }

    identity = await verifier().verify(token(claims))

    actor = identity.actor
    assert (actor.subject, actor.tenant, actor.email) == ("ada", "acme", "ada@example.com")
    assert actor.roles == {"editor", "approver"}
    assert actor.groups == {"finance"}
    assert actor.attributes == {"department": "r&d"}
    assert identity.seconds_left == 60


@pytest.mark.parametrize("claim", ["sub", "userId", "id"])
async def test_older_names_of_the_subject_count(claim: str) -> None:
    identity = await verifier().verify(token({claim: "ada"}))

    assert (identity.actor.subject, identity.actor.tenant) == ("ada", "default")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({}, "token.subject"),
        ({"sub": ""}, "token.subject"),
        ({"sub": "  "}, "token.subject"),
        ({"sub": 7}, "token.subject"),
        ({"sub": None}, "token.subject"),
        ({"sub": "a\x00b"}, "token.subject"),
        ({"sub": "", "userId": "ada"}, "token.subject"),
        ({"sub": "ada", "tenant": ""}, "token.claims"),
        ({"sub": "ada", "tenant": None}, "token.claims"),
        ({"sub": "ada", "tenant": "*"}, "token.tenant"),
        ({"sub": "ada", "tenant": ["acme"]}, "token.claims"),
        ({"sub": "ada", "roles": "admin"}, "token.claims"),
        ({"sub": "ada", "role": ["admin"]}, "token.claims"),
        ({"sub": "ada", "groups": [1]}, "token.claims"),
        ({"sub": "ada", "exp": NOW}, "token.expired"),
        ({"sub": "ada", "exp": NOW - 1}, "token.expired"),
        ({"sub": "ada", "exp": "soon"}, "token.claims"),
        ({"sub": "ada", "exp": True}, "token.claims"),
        ({"sub": "ada", "nbf": NOW + 1}, "token.not_yet_valid"),
    ],
)
async def test_a_token_that_does_not_hold_is_refused(claims: dict[str, Any], code: str) -> None:
    assert await refused(verifier(), token(claims)) == code


async def test_a_token_ends_at_its_instant_by_the_clock_that_was_given() -> None:
    clock = FakeClock()
    checker = TokenVerifier(TokenRules(SECRET), clock)
    text = token({"sub": "ada", "exp": NOW + 10})

    assert (await checker.verify(text)).actor.subject == "ada"
    clock.advance(timedelta(seconds=10))
    assert await refused(checker, text) == "token.expired"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "other"}, "token.audience"),
        ({"aud": ["other"]}, "token.audience"),
        ({}, "token.audience"),
        ({"aud": "maestro", "iss": "elsewhere"}, "token.issuer"),
        ({"aud": "maestro"}, "token.issuer"),
    ],
)
async def test_issuer_and_audience_are_checked_where_they_are_set(claims: dict[str, Any], code: str) -> None:
    checker = verifier(issuer="https://issuer", audience="maestro")

    assert await refused(checker, token({"sub": "ada", **claims})) in {code, "token.issuer"}


@pytest.mark.parametrize(("claim", "sign"), [("exp", -1), ("nbf", 1)])
async def test_clocks_may_be_off_by_the_leeway_and_no_more(claim: str, sign: int) -> None:
    tolerant = verifier(leeway_s=30.0)
    now = FakeClock().now().timestamp()
    assert (await tolerant.verify(token({"sub": "ada", claim: now + 29 * sign}))).actor.subject == "ada"
    code = {"exp": "token.expired", "nbf": "token.not_yet_valid"}[claim]
    assert await refused(tolerant, token({"sub": "ada", claim: now + 31 * sign})) == code


async def test_issuer_and_audience_that_fit_pass() -> None:
    checker = verifier(issuer="https://issuer", audience="maestro")

    identity = await checker.verify(token({"sub": "ada", "iss": "https://issuer", "aud": ["x", "maestro"]}))

    assert identity.actor.subject == "ada"


async def test_another_secret_is_refused() -> None:
    assert await refused(verifier(), token({"sub": "ada"}, "another-secret-of-at-least-32-bytes!")) == "token.signature"


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é.ü.ö", "a" * 20_000, DEEP, "eyJhbGciOiJIUzI1NiJ9.e30."])
async def test_what_is_no_token_is_refused(text: str) -> None:
    assert await refused(verifier(), text) in {"token.malformed", "token.signature", "token.algorithm"}


async def test_an_unsigned_token_is_refused() -> None:
    unsigned = ".".join(
        jwt.utils.base64url_encode(part).decode() for part in (b'{"alg":"none","typ":"JWT"}', b'{"sub":"ada"}')
    )

    assert await refused(verifier(), f"{unsigned}.") == "token.algorithm"


async def test_a_stronger_algorithm_that_is_not_allowed_is_refused() -> None:
    text = token({"sub": "ada"}, SECRET * 2, "HS512")

    assert await refused(verifier(), text) == "token.algorithm"


async def test_a_public_key_is_never_used_as_a_shared_secret() -> None:
    private = rsa.generate_private_key(65537, 2048)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    keys = OneKey(jwt.PyJWK(json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key())), "RS256"))
    checker = TokenVerifier(TokenRules(None), FakeClock(), keys)
    # An attacker signs with the text of the public key; jwt.encode refuses to, so the signature is made by hand.
    header_and_claims = jwt.encode({"sub": "mallory"}, SECRET, "HS256").rpartition(".")[0]
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        header_and_claims.encode(), public
    )
    forged = f"{header_and_claims}.{jwt.utils.base64url_encode(signature).decode()}"

    assert await refused(checker, forged) == "token.algorithm"
    assert keys.asked == []


KEYS: dict[str, Callable[[], Any]] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
TO_JWK: dict[str, Callable[[Any], Any]] = {
    "RS256": jwt.algorithms.RSAAlgorithm.to_jwk,
    "ES256": jwt.algorithms.ECAlgorithm.to_jwk,
    "EdDSA": jwt.algorithms.OKPAlgorithm.to_jwk,
}


@pytest.mark.parametrize("algorithm", sorted(KEYS))
async def test_published_keys_verify(algorithm: str) -> None:
    private = KEYS[algorithm]()
    keys = OneKey(jwt.PyJWK(json.loads(TO_JWK[algorithm](private.public_key())), algorithm))
    checker = TokenVerifier(TokenRules(None), FakeClock(), keys)

    identity = await checker.verify(jwt.encode({"sub": "ada"}, private, algorithm, headers={"kid": "k1"}))

    assert identity.actor.subject == "ada"
    assert keys.asked == [("k1", algorithm)]


@pytest.mark.parametrize("algorithm", sorted(KEYS))
async def test_another_private_key_is_refused(algorithm: str) -> None:
    keys = OneKey(jwt.PyJWK(json.loads(TO_JWK[algorithm](KEYS[algorithm]().public_key())), algorithm))
    checker = TokenVerifier(TokenRules(None), FakeClock(), keys)

    assert await refused(checker, jwt.encode({"sub": "ada"}, KEYS[algorithm](), algorithm)) == "token.signature"


async def test_a_token_is_refused_once_its_key_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    private, other = KEYS["ES256"](), KEYS["ES256"]()
    keys = OneKey(jwt.PyJWK(json.loads(TO_JWK["ES256"](private.public_key())), "ES256"))
    checker = TokenVerifier(TokenRules(None), FakeClock(), keys)
    text = jwt.encode({"sub": "ada"}, private, "ES256")
    checked: list[str] = []
    decode = jwt.decode

    def counting(given: str, *rest: Any, **options: Any) -> Any:
        checked.append("once")
        return decode(given, *rest, **options)

    monkeypatch.setattr(jwt, "decode", counting)

    await checker.verify(text)
    await checker.verify(text)
    keys.key = jwt.PyJWK(json.loads(TO_JWK["ES256"](other.public_key())), "ES256")

    assert checked == ["once"]
    assert await refused(checker, text) == "token.signature"


async def test_what_is_remembered_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.identity.tokens.REMEMBERED_TOKENS", 3)
    checker = verifier()

    for number in range(10):
        assert (await checker.verify(token({"sub": f"user-{number}"}))).actor.subject == f"user-{number}"

    assert len(checker._proofs) == 3


async def test_shared_secrets_are_refused_where_none_is_set() -> None:
    private = KEYS["ES256"]()
    keys = OneKey(jwt.PyJWK(json.loads(TO_JWK["ES256"](private.public_key())), "ES256"))

    assert await refused(TokenVerifier(TokenRules(None), FakeClock(), keys), token({"sub": "ada"})) == "token.algorithm"


@pytest.mark.parametrize("rules", [TokenRules(None), TokenRules("short")])
def test_a_verifier_without_a_usable_key_is_not_made(rules: TokenRules) -> None:
    with pytest.raises(ConfigurationError):
        TokenVerifier(rules, FakeClock())


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer ", "Bearer a b", "abc"])
def test_only_a_bearer_header_carries_a_token(header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        bearer_token(header)


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER   abc "])
def test_the_scheme_has_no_case(header: str) -> None:
    assert bearer_token(header) == "abc"


async def test_no_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    text = token({"sub": "ada", "exp": NOW - 1})

    with caplog.at_level(logging.DEBUG):
        await refused(verifier(), text)

    assert text not in caplog.text


@given(st.dictionaries(st.text(max_size=10), st.recursive(st.none() | st.booleans() | st.text(), st.lists), max_size=6))
def test_any_claims_give_an_actor_with_a_subject_or_are_refused(claims: dict[str, Any]) -> None:
    try:
        actor = actor_of(claims)
    except Unauthenticated:
        return
    assert actor.subject.strip()
    assert actor.tenant.strip()
