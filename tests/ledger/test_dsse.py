import copy
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.signer._key import SSlibKey

from ledger import dsse


def test_published_encoding() -> None:
    encoded = dsse.pae("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_lengths_are_counted_in_bytes() -> None:
    assert dsse.pae("t\N{LATIN SMALL LETTER E WITH ACUTE}", b"\xc3\xa9") == b"DSSEv1 3 t\xc3\xa9 2 \xc3\xa9"


def test_securesystemslib_verifies_each_signature() -> None:
    signers = [Ed25519PrivateKey.from_private_bytes(seed * 32) for seed in (b"a", b"b")]
    payload = b'{"_type": "https://in-toto.io/Statement/v1"}'
    document = json.loads(dsse.envelope(dsse.STATEMENT_TYPE, payload, signers))
    for signer in signers:
        keyid = dsse.keyid(signer.public_key())
        key = SSlibKey.from_crypto(signer.public_key(), keyid=keyid)
        parsed = Envelope.from_dict(copy.deepcopy(document))  # from_dict takes its argument apart
        assert list(parsed.verify([key], 1)) == [keyid]
        assert parsed.payload == payload
