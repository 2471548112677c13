"""The issuer's published keys (JWKS, RFC 7517), fetched over HTTP and kept."""

import asyncio
import logging
from collections.abc import Sequence

import httpx
import jwt

from engine.clock import Clock
from engine.errors import Unauthenticated, Unavailable

logger = logging.getLogger(__name__)

KEEP_S = 300.0
"""Keys this old are fetched again before the next use."""
UNKNOWN_KEY_PAUSE_S = 10.0
"""Tokens that name unknown keys make one fetch in this time, not one each."""
FIRST_BACK_OFF_S = 1.0
LONGEST_BACK_OFF_S = 60.0
MAX_DOCUMENT_BYTES = 1 << 20

_KEY_TYPE = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
_MIN_RSA_BITS = 2048


class JwksKeys:
    """Published keys with a cache, rotation and back-off.

    Guarantees: one fetch at a time however many callers wait; keys once read keep serving while the issuer does not
    answer; after a failure the next fetch waits 1 s, doubling up to 60 s; a key id not seen before causes a fetch
    (rotation), at most one in ten seconds.
    """

    def __init__(self, url: str, client: httpx.AsyncClient, clock: Clock) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._keys: tuple[jwt.PyJWK, ...] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._failures = 0
        self._fetching = asyncio.Lock()

    async def key_for(self, key_id: str | None, algorithm: str) -> jwt.PyJWK:
        """The published key that verifies a token with this header.

        Raises:
            Unauthenticated: the issuer publishes no such key.
            Unavailable: no key was ever read and the issuer does not answer.
        """
        if self._is_old():
            await self._refresh(KEEP_S)
        found = _choose(self._keys, key_id, algorithm)
        if found is None and self._fetched_at is not None:
            await self._refresh(UNKNOWN_KEY_PAUSE_S)
            found = _choose(self._keys, key_id, algorithm)
        if self._fetched_at is None:
            raise Unavailable("jwks", "The issuer's keys cannot be read at the moment.", code="auth.keys_unavailable")
        if found is None:
            raise Unauthenticated("The token is signed with a key that the issuer does not publish.", code="token.key")
        return found

    def _is_old(self) -> bool:
        return self._fetched_at is None or self._clock.monotonic() - self._fetched_at >= KEEP_S

    async def _refresh(self, younger_than_s: float) -> None:
        async with self._fetching:
            now = self._clock.monotonic()
            if self._fetched_at is not None and now - self._fetched_at < younger_than_s:
                return  # another caller has fetched while this one waited
            if self._failures and self._tried_at is not None and now - self._tried_at < self._back_off_s():
                return
            self._tried_at = now
            try:
                self._keys = await self._fetch()
            except (httpx.HTTPError, ValueError, jwt.PyJWTError) as error:
                self._failures += 1
                logger.warning(
                    "The issuer's keys could not be read; the ones known stay in use.",
                    extra={"action": "jwks.fetch", "reason": type(error).__name__, "failures": self._failures},
                )
            else:
                self._fetched_at = now
                self._failures = 0

    def _back_off_s(self) -> float:
        return float(min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2 ** min(self._failures - 1, 16)))

    async def _fetch(self) -> tuple[jwt.PyJWK, ...]:
        response = await self._client.get(self._url, headers={"Accept": "application/jwk-set+json, application/json"})
        response.raise_for_status()
        if len(response.content) > MAX_DOCUMENT_BYTES:
            raise ValueError("the key document is too large")
        document = response.json()
        if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
            raise ValueError("the key document has no list of keys")  # noqa: TRY004 - one kind of error for one bad document
        return tuple(key for raw in document["keys"] if (key := _read(raw)) is not None)


def _read(raw: object) -> jwt.PyJWK | None:
    """One published key; None for one that is not for signatures, too weak or of a kind not accepted here."""
    if not isinstance(raw, dict) or raw.get("use", "sig") != "sig":
        return None
    algorithm = next((name for name, kind in _KEY_TYPE.items() if kind == raw.get("kty")), None)
    if algorithm is None or raw.get("alg", algorithm) != algorithm:
        return None
    if algorithm == "ES256" and raw.get("crv") != "P-256":
        return None
    if algorithm == "EdDSA" and raw.get("crv") not in {"Ed25519", "Ed448"}:
        return None
    try:
        key = jwt.PyJWK(raw, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return None if getattr(key.key, "key_size", _MIN_RSA_BITS) < _MIN_RSA_BITS and algorithm == "RS256" else key


def _choose(keys: Sequence[jwt.PyJWK], key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
    """The key of this id; without an id in the token, the only key of the algorithm."""
    fitting = [key for key in keys if key.key_type == _KEY_TYPE[algorithm]]
    if key_id is not None:
        return next((key for key in fitting if key.key_id == key_id), None)
    return fitting[0] if len(fitting) == 1 else None
