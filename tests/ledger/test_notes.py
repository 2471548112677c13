import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import notes
from ledger.errors import NoteError
from ledger.notes import Checkpoint, VerifierKey

VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n\N{EM DASH} example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def test_published_vector_verifies() -> None:
    key = VerifierKey.parse(VKEY)
    assert notes.verify(NOTE, [key]) == "This is an example message.\n"
    assert str(key) == VKEY


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        (NOTE.replace("example message", "Example message"), "does not verify"),
        (NOTE.replace("example.com/foo", "example.com/bar"), "no signature of a trusted key"),
        (NOTE.replace("\n\n", "\n"), "an empty line"),
        (NOTE[:-1], "ended by a newline"),
        (NOTE.replace("\N{EM DASH}", "-"), "em dash"),
        (NOTE.replace("aQM=", "aQN="), "canonical base64"),
        (NOTE.replace("aQM=", "aQM"), "not base64"),
        (NOTE.replace("This", "Th\x07s"), "ended by a newline"),
    ],
)
def test_a_spoiled_note_is_refused_with_its_reason(note: str, reason: str) -> None:
    with pytest.raises(NoteError, match=reason):
        notes.verify(note, [VerifierKey.parse(VKEY)])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (VKEY.replace("530d903a", "530d903b"), "hash is 530d903a"),
        ("example.com/foo", "name"),
        ("example.com/foo+530d903a+AekyeRrm", "type Ed25519"),
        ("a b+530d903a+" + base64.b64encode(b"\x01" + bytes(32)).decode(), "name"),
    ],
)
def test_a_malformed_verifier_key_is_refused(text: str, reason: str) -> None:
    with pytest.raises(NoteError, match=reason):
        VerifierKey.parse(text)


def test_a_checkpoint_survives_signing_by_two_keys_and_either_suffices() -> None:
    signers = []
    for seed in (b"a" * 32, b"b" * 32):
        private = Ed25519PrivateKey.from_private_bytes(seed)
        signers.append((VerifierKey("log.test", private.public_key().public_bytes_raw()), private))
    checkpoint = Checkpoint("log.test", 7, bytes(range(32)))
    note = notes.sign(checkpoint.body(), signers)
    for key, _ in signers:
        assert notes.parse_checkpoint(notes.verify(note, [key])) == checkpoint


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("log\n7\n", "root line"),
        ("log\n07\n" + base64.b64encode(bytes(32)).decode() + "\n", "plain decimal"),
        ("log\n-1\n" + base64.b64encode(bytes(32)).decode() + "\n", "plain decimal"),
        ("log\n\N{SUPERSCRIPT TWO}\n" + base64.b64encode(bytes(32)).decode() + "\n", "plain decimal"),
        ("log\n7\n" + base64.b64encode(bytes(31)).decode() + "\n", "32 bytes"),
    ],
)
def test_a_malformed_checkpoint_is_refused(body: str, reason: str) -> None:
    with pytest.raises(NoteError, match=reason):
        notes.parse_checkpoint(body)
