"""DSSE 1.0 envelopes over in-toto Statements, and over the log's own announcements about keys."""

import base64
import hashlib
from collections.abc import Sequence

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

STATEMENT_TYPE = "application/vnd.in-toto+json"
KEY_TYPE = "application/vnd.maestro-composer.key+json"


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: pre-authentication encoding of type and payload."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def keyid(public: Ed25519PublicKey) -> str:
    """Hex SHA-256 of the DER form of the public key."""
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def envelope(payload_type: str, payload: bytes, signers: Sequence[Ed25519PrivateKey]) -> bytes:
    """Envelope as JSON text, one signature per signer in the given order. The payload's bytes are kept as they are."""
    signed = pae(payload_type, payload)
    return orjson.dumps(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [
                {"keyid": keyid(key.public_key()), "sig": base64.b64encode(key.sign(signed)).decode()}
                for key in signers
            ],
        }
    )
