import json
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from engine.errors import Unauthenticated, Unavailable
from engine.identity.jwks import KEEP_S, UNKNOWN_KEY_PAUSE_S, JwksKeys
from tests.clock import FakeClock


def published(key_id: str | None = "k1", **members: Any) -> dict[str, Any]:
    raw = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    return {**raw, **({} if key_id is None else {"kid": key_id}), **members}


WEAK = {
    **json.loads(
        jwt.algorithms.RSAAlgorithm.to_jwk(
            rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - the weak key that must be left out
        )
    ),
    "kid": "bad",
}


class Issuer:
    """An issuer behind a transport: what it answers can be changed, and calls are counted."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.is_down = False
        self.calls = 0
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        if self.is_down:
            raise httpx.ConnectError("down", request=request)
        return httpx.Response(200, json={"keys": self.keys})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(published("k1"))


def keys_of(issuer: Issuer, clock: FakeClock) -> JwksKeys:
    return JwksKeys("https://issuer/jwks", issuer.client, clock)


async def test_keys_are_fetched_once_and_kept(issuer: Issuer, clock: FakeClock) -> None:
    keys = keys_of(issuer, clock)

    first = await keys.key_for("k1", "ES256")
    second = await keys.key_for("k1", "ES256")

    assert first is second
    assert issuer.calls == 1


async def test_old_keys_are_fetched_again(issuer: Issuer, clock: FakeClock) -> None:
    keys = keys_of(issuer, clock)
    await keys.key_for("k1", "ES256")
    clock.advance(timedelta(seconds=KEEP_S))

    await keys.key_for("k1", "ES256")

    assert issuer.calls == 2


async def test_a_new_key_is_found_when_a_token_names_it(issuer: Issuer, clock: FakeClock) -> None:
    keys = keys_of(issuer, clock)
    await keys.key_for("k1", "ES256")
    issuer.keys = [published("k2")]
    clock.advance(timedelta(seconds=UNKNOWN_KEY_PAUSE_S))

    assert (await keys.key_for("k2", "ES256")).key_id == "k2"
    with pytest.raises(Unauthenticated):
        await keys.key_for("k1", "ES256")


async def test_unknown_keys_make_one_fetch_in_ten_seconds(issuer: Issuer, clock: FakeClock) -> None:
    keys = keys_of(issuer, clock)
    await keys.key_for("k1", "ES256")
    clock.advance(timedelta(seconds=UNKNOWN_KEY_PAUSE_S))

    for number in range(50):
        with pytest.raises(Unauthenticated):
            await keys.key_for(f"made-up-{number}", "ES256")

    assert issuer.calls == 2


async def test_known_keys_serve_while_the_issuer_is_down(issuer: Issuer, clock: FakeClock) -> None:
    keys = keys_of(issuer, clock)
    known = await keys.key_for("k1", "ES256")
    issuer.is_down = True
    clock.advance(timedelta(seconds=KEEP_S))

    assert await keys.key_for("k1", "ES256") is known


async def test_an_issuer_that_is_down_is_asked_with_growing_pauses(issuer: Issuer, clock: FakeClock) -> None:
    keys = keys_of(issuer, clock)
    issuer.is_down = True
    asked = []
    for second in range(16):
        with pytest.raises(Unavailable):
            await keys.key_for("k1", "ES256")
        asked.append((second, issuer.calls))
        clock.advance(timedelta(seconds=1))

    assert [second for (second, calls), (_, before) in zip(asked[1:], asked, strict=False) if calls > before] == [
        1,
        3,
        7,
        15,
    ]


async def test_keys_come_back_with_the_issuer(issuer: Issuer, clock: FakeClock) -> None:
    keys = keys_of(issuer, clock)
    issuer.is_down = True
    with pytest.raises(Unavailable):
        await keys.key_for("k1", "ES256")
    issuer.is_down = False
    clock.advance(timedelta(seconds=1))

    assert (await keys.key_for("k1", "ES256")).key_id == "k1"


async def test_a_token_without_key_id_takes_the_only_fitting_key(clock: FakeClock) -> None:
    okp = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key()))
    keys = keys_of(Issuer(published("k1"), {**okp, "kid": "k2"}), clock)

    assert (await keys.key_for(None, "ES256")).key_id == "k1"
    assert (await keys.key_for(None, "EdDSA")).key_id == "k2"


async def test_a_token_without_key_id_is_refused_where_several_keys_fit(clock: FakeClock) -> None:
    keys = keys_of(Issuer(published("k1"), published("k2")), clock)

    with pytest.raises(Unauthenticated):
        await keys.key_for(None, "ES256")


async def test_a_key_serves_its_own_algorithm_only(issuer: Issuer, clock: FakeClock) -> None:
    with pytest.raises(Unauthenticated):
        await keys_of(issuer, clock).key_for("k1", "RS256")


@pytest.mark.parametrize(
    "raw",
    [
        published("bad", use="enc"),
        published("bad", alg="ES512"),
        published("bad", crv="P-384"),
        published("bad", x="!"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "bad"},
        {"kid": "bad"},
        "bad",
        WEAK,
    ],
    ids=["encryption", "other algorithm", "other curve", "broken", "shared", "no type", "no object", "weak"],
)
async def test_keys_that_are_not_usable_are_left_out(raw: Any, clock: FakeClock) -> None:
    keys = keys_of(Issuer(raw, published("good")), clock)

    assert (await keys.key_for("good", "ES256")).key_id == "good"
    for algorithm in ("RS256", "ES256", "EdDSA"):
        with pytest.raises(Unauthenticated):
            await keys.key_for("bad", algorithm)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"keys": {}}', b'{"keys": "' + b"x" * (1 << 20) + b'"}'])
async def test_a_document_that_is_no_key_set_is_a_failure(body: bytes, clock: FakeClock) -> None:
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))

    with pytest.raises(Unavailable):
        await JwksKeys("https://issuer/jwks", client, clock).key_for("k1", "ES256")
