"""Bearer tokens: what is accepted as proof of who calls.

A token is verified with one of two kinds of keys: the shared secret (HS256) or the issuer's published keys (RS256,
ES256, EdDSA). The algorithm of the token's header only selects among what the configuration allows, so that a public
key is never used as a shared secret. Refusals name the reason and never the token.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import jwt
from jwt.types import Options

from engine.clock import Clock
from engine.errors import ConfigurationError, Unauthenticated
from engine.identity.actor import Actor

SHARED_SECRET_ALGORITHMS = ("HS256",)
PUBLISHED_KEY_ALGORITHMS = ("RS256", "ES256", "EdDSA")
DEFAULT_TENANT = "default"
MIN_SECRET_BYTES = 32
MAX_TOKEN_CHARACTERS = 16_384
MAX_NAME_CHARACTERS = 255
REMEMBERED_TOKENS = 4_096

_SIGNATURE_ONLY: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
_REGISTERED = frozenset(
    {"sub", "userId", "id", "email", "role", "roles", "groups", "tenant", "iss", "aud", "exp", "nbf", "iat", "jti"}
)


class PublishedKeys(Protocol):
    """Where the issuer's public keys come from."""

    async def key_for(self, key_id: str | None, algorithm: str) -> jwt.PyJWK:
        """The key that verifies a token with this header.

        Raises:
            Unauthenticated: the issuer publishes no such key.
            Unavailable: the keys cannot be had at the moment.
        """
        ...


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must carry.

    Attributes:
        secret: shared secret of HS256; absent: HS256 is refused.
        issuer: required `iss`; absent: not checked.
        audience: required member of `aud`; absent: not checked.
        leeway_s: tolerance for clocks that differ.
    """

    secret: str | None = None
    issuer: str | None = None
    audience: str | None = None
    leeway_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token speaks for, and until when.

    Attributes:
        actor: from the claims; it makes no call yet.
        seconds_left: until the token expires, counted from its verification; None: it never does.
    """

    actor: Actor
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class _Proof:
    """A signature that was found to fit, by this key; another key (a rotation) makes it void."""

    algorithm: str
    key_id: str | None
    key: "str | jwt.PyJWK"
    claims: Mapping[str, Any]
    actor: Actor


class TokenVerifier:
    """Turns a bearer token into an `Identity`, or refuses it.

    A signature is checked once for each token and key; times, issuer, audience, and whether the issuer still publishes
    the key are checked at every call.
    """

    def __init__(self, rules: TokenRules, clock: Clock, keys: PublishedKeys | None = None) -> None:
        if rules.secret is None and keys is None:
            raise ConfigurationError("Tokens cannot be verified: set MAESTRO_JWT_SECRET or MAESTRO_JWKS_URL.")
        if rules.secret is not None and len(rules.secret.encode()) < MIN_SECRET_BYTES:
            raise ConfigurationError(f"MAESTRO_JWT_SECRET is shorter than {MIN_SECRET_BYTES} bytes.")
        self._rules = rules
        self._clock = clock
        self._keys = keys
        self._proofs: dict[bytes, _Proof] = {}

    async def verify(self, token: str) -> Identity:
        """Identity behind a valid token.

        Raises:
            Unauthenticated: the token is not valid now, whatever the reason.
            Unavailable: the issuer's keys cannot be had at the moment.
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise _refused("token.malformed", "The token is too long.")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        proof = self._proofs.get(digest)
        algorithm, key_id = _header(token) if proof is None else (proof.algorithm, proof.key_id)
        key = await self._key(algorithm, key_id)
        if proof is None or proof.key is not key:
            proof = _prove(token, algorithm, key_id, key)
            self._remember(digest, proof)
        self._check_times(proof.claims)
        self._check_origin(proof.claims)
        expires = _instant(proof.claims, "exp")
        left = None if expires is None else expires + self._rules.leeway_s - self._clock.now().timestamp()
        return Identity(proof.actor, left)

    def _remember(self, digest: bytes, proof: "_Proof") -> None:
        if len(self._proofs) >= REMEMBERED_TOKENS:
            self._proofs.pop(next(iter(self._proofs)))
        self._proofs[digest] = proof

    async def _key(self, algorithm: str, key_id: str | None) -> str | jwt.PyJWK:
        if algorithm in SHARED_SECRET_ALGORITHMS and self._rules.secret is not None:
            return self._rules.secret
        if algorithm in PUBLISHED_KEY_ALGORITHMS and self._keys is not None:
            return await self._keys.key_for(key_id, algorithm)
        raise _refused("token.algorithm", "The token is signed in a way that is not accepted here.")

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now().timestamp()
        expires = _instant(claims, "exp")
        if expires is not None and expires + self._rules.leeway_s <= now:
            raise _refused("token.expired", "The token has expired.")
        not_before = _instant(claims, "nbf")
        if not_before is not None and not_before - self._rules.leeway_s > now:
            raise _refused("token.not_yet_valid", "The token is not valid yet.")

    def _check_origin(self, claims: Mapping[str, Any]) -> None:
        if self._rules.issuer is not None and claims.get("iss") != self._rules.issuer:
            raise _refused("token.issuer", "The token was issued by somebody else.")
        if self._rules.audience is not None:
            audience = claims.get("aud")
            audiences = audience if isinstance(audience, list) else [audience]
            if self._rules.audience not in audiences:
                raise _refused("token.audience", "The token is meant for somebody else.")


def _header(token: str) -> tuple[str, str | None]:
    """Algorithm and key id that a token names; nothing of it is proven yet."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise _refused("token.malformed", "The token cannot be read.") from error
    key_id = header.get("kid")
    return str(header.get("alg")), key_id if isinstance(key_id, str) else None


def _prove(token: str, algorithm: str, key_id: str | None, key: str | jwt.PyJWK) -> _Proof:
    """Proof that the token was signed with the key. Times and origin are no part of it."""
    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm], options=_SIGNATURE_ONLY)
    except jwt.InvalidSignatureError as error:
        raise _refused("token.signature", "The signature of the token does not fit.") from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise _refused("token.malformed", "The token cannot be read.") from error
    return _Proof(algorithm, key_id, key, claims, actor_of(claims))


def actor_of(claims: Mapping[str, Any]) -> Actor:
    """Actor of verified claims.

    Raises:
        Unauthenticated: no non-empty string subject, or a claim of the wrong shape.
    """
    return Actor(
        tenant=_tenant(claims),
        subject=_subject(claims),
        roles=_roles(claims),
        groups=_names(claims, "groups"),
        email=_email(claims),
        attributes={name: value for name, value in claims.items() if name not in _REGISTERED},
    )


def of_call(actor: Actor, *, request_id: str, source: str, traceparent: str | None) -> Actor:
    """The same actor, making this one call."""
    return replace(actor, request_id=request_id, source=source, traceparent=traceparent)


def bearer_token(header: str | None) -> str:
    """Token of an `Authorization` header (RFC 6750, section 2.1).

    Raises:
        Unauthenticated: no header, another scheme, or no single token behind it.
    """
    if header is None:
        raise Unauthenticated("This needs a bearer token.")
    scheme, _, token = header.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or " " in token:
        raise _refused("auth.scheme", "The Authorization header must be 'Bearer' and one token.")
    return token


def _subject(claims: Mapping[str, Any]) -> str:
    for name in ("sub", "userId", "id"):
        if name in claims:
            return _name(claims[name], name)
    raise _refused("token.subject", "The token names no subject.")


def _tenant(claims: Mapping[str, Any]) -> str:
    if "tenant" not in claims:
        return DEFAULT_TENANT
    tenant = _name(claims["tenant"], "tenant")
    if tenant == "*":  # rows of no tenant in particular are stored under it
        raise _refused("token.tenant", "The token names no tenant.")
    return tenant


def _roles(claims: Mapping[str, Any]) -> frozenset[str]:
    role = claims.get("role")
    single = frozenset() if role is None else frozenset({_name(role, "role")})
    return single | _names(claims, "roles")


def _names(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    values = claims.get(claim)
    if values is None:
        return frozenset()
    if not isinstance(values, list):
        raise _refused("token.claims", f"The claim {claim!r} is not a list of names.")
    return frozenset(_name(value, claim) for value in values)


def _email(claims: Mapping[str, Any]) -> str | None:
    email = claims.get("email")
    return None if email is None else _name(email, "email")


def _name(value: object, claim: str) -> str:
    usable = isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= MAX_NAME_CHARACTERS
    if not isinstance(value, str) or not usable:
        code = "token.subject" if claim in {"sub", "userId", "id"} else "token.claims"
        raise _refused(code, f"The claim {claim!r} is not a non-empty string of readable characters.")
    return value


def _instant(claims: Mapping[str, Any], claim: str) -> float | None:
    value = claims.get(claim)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused("token.claims", f"The claim {claim!r} is not a number of seconds.")
    return float(value)


def _refused(code: str, message: str) -> Unauthenticated:
    return Unauthenticated(message, code=code)
