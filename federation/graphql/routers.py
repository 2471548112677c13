"""Routers prove themselves by a shared secret in a header of its own, beside the caller's token."""

import hashlib
import hmac
from collections.abc import Sequence

from starlette.datastructures import Headers

from engine.errors import Unauthenticated

HEADER = "x-router-secret"


class RouterSecrets:
    """The secrets that are accepted: one, and during a rotation the next one too."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._digests = [_digest(secret) for secret in secrets]

    def is_router(self, headers: Headers) -> bool:
        """Whether a router speaks; False: nobody says so.

        Raises:
            Unauthenticated: a secret that is none of ours (`router.secret_invalid`).
        """
        if HEADER not in headers or not self._digests:
            return False
        if not self.matches(headers):
            raise Unauthenticated("The router's secret is not valid.", code="router.secret_invalid")
        return True

    def matches(self, headers: Headers) -> bool:
        """Whether the header holds one of the secrets.

        Every secret is compared, in constant time, so that the time taken tells neither which one nor how much matched.
        """
        digest = _digest(headers.get(HEADER, ""))
        return sum(hmac.compare_digest(digest, known) for known in self._digests) > 0


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
