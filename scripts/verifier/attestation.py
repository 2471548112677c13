"""The DSSE envelope (github.com/secure-systems-lab/dsse) and the in-toto Statement in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .parsing import JsonObject, decode, json_object, sha256_hex
from .reasons import VerificationError
from .trust import TrustedKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:maestro-composer:attestation:execution:v1"
_MOST_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature and the hint at its key."""

    keyid: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """The payload's bytes, not parsed, and their signatures."""

    payload: bytes
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> "Envelope":
        """Read the envelope's JSON."""
        document = json_object(data, "The envelope")
        if set(document) != {"payload", "payloadType", "signatures"}:
            raise VerificationError("The envelope has other members than payload, payloadType and signatures")
        if document["payloadType"] != PAYLOAD_TYPE:
            raise VerificationError(f"The envelope's payloadType is not {PAYLOAD_TYPE}")
        listed = document["signatures"]
        if not isinstance(listed, list) or not 0 < len(listed) <= _MOST_SIGNATURES:
            raise VerificationError(f"The envelope has no list of 1 to {_MOST_SIGNATURES} signatures")
        payload = document["payload"]
        if not isinstance(payload, str):
            raise VerificationError("The envelope's payload is not a string")
        signatures = []
        for each in listed:
            keyid, sig = (each.get("keyid", ""), each.get("sig")) if isinstance(each, dict) else ("", None)
            if not isinstance(keyid, str) or not isinstance(sig, str):
                raise VerificationError("A signature of the envelope has no string sig")
            signatures.append(Signature(keyid, decode(sig, "A signature of the envelope", url_safe_too=True)))
        return cls(decode(payload, "The envelope's payload", url_safe_too=True), tuple(signatures))

    def signed_bytes(self) -> bytes:
        """Pre-authentication encoding: what the signatures are over."""
        kind = PAYLOAD_TYPE.encode()
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)

    def signers(self, keys: Sequence[TrustedKey]) -> list[TrustedKey]:
        """Those of the keys whose signature is there and right. One that is there and wrong is an error."""
        signed, found = self.signed_bytes(), []
        for key in keys:
            named = [each for each in self.signatures if each.keyid == key.keyid]
            hinted = named or [each for each in self.signatures if not each.keyid]
            if any(_holds(key.public, each.value, signed) for each in hinted):
                found.append(key)
            elif named:
                raise VerificationError(f"The envelope's signature of key {key.keyid} does not verify")
        return found


def _holds(public: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        public.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Statement:
    """What was attested: digests by member, and the predicate."""

    subjects: dict[str, str]
    predicate: JsonObject

    @classmethod
    def parse(cls, payload: bytes) -> "Statement":
        """Read the payload; members that are not known are ignored, as readers of v1 must."""
        document = json_object(payload, "The Statement")
        if document.get("_type") != STATEMENT_TYPE:
            raise VerificationError(f"The Statement's _type is not {STATEMENT_TYPE}")
        if document.get("predicateType") != PREDICATE_TYPE:
            raise VerificationError(f"The Statement's predicateType is not {PREDICATE_TYPE}")
        predicate, listed = document.get("predicate"), document.get("subject")
        if not isinstance(predicate, dict) or not isinstance(listed, list):
            raise VerificationError("The Statement has no predicate object or no list of subjects")
        subjects: dict[str, str] = {}
        for each in listed:
            name = each.get("name") if isinstance(each, dict) else None
            digest = each.get("digest") if isinstance(each, dict) else None
            if not isinstance(name, str) or not isinstance(digest, dict) or name in subjects:
                raise VerificationError("The Statement has a subject without name or digest, or one twice")
            subjects[name] = sha256_hex(digest.get("sha256"), f"The digest of the subject {name[:60]!r}")
        return cls(subjects, predicate)
