"""Signed notes and checkpoints: c2sp.org/signed-note and c2sp.org/tlog-checkpoint, Ed25519 only."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.errors import NoteError
from ledger.merkle import HASH_BYTES

_ED25519 = b"\x01"
_DASH = "\N{EM DASH} "
_PUBLIC_BYTES = 32


def decode_base64(text: str, what: str) -> bytes:
    """Bytes of strict standard base64: padded, no other characters, no stray bits.

    Raises:
        NoteError: the text is anything else.
    """
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise NoteError(f"The {what} is not base64.") from exc
    if base64.b64encode(value).decode() != text:
        raise NoteError(f"The {what} is not canonical base64.")
    return value


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A name and the public key that signs under it."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read `name+hex8+base64(01 || public key)`.

        Raises:
            NoteError: another shape or algorithm, or a key id that is not that of the name and key.
        """
        name, plus, rest = text.strip().partition("+")
        hint, plus_again, encoded = rest.partition("+")
        if not (name and plus and plus_again) or any(ch.isspace() for ch in name):
            raise NoteError("A verifier key has the form name+hash+key.")
        key = decode_base64(encoded, "verifier key")
        if key[:1] != _ED25519 or len(key) != 1 + _PUBLIC_BYTES:
            raise NoteError("The verifier key is not of type Ed25519.")
        parsed = cls(name, key[1:])
        if parsed.key_id.hex() != hint:
            raise NoteError(f"The verifier key's hash is {parsed.key_id.hex()}, not {hint}.")
        return parsed

    @property
    def key_id(self) -> bytes:
        """First four bytes of the hash over name and key; a hint, not an identity."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's signed summary: what its first `size` leaves were."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """The signed text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(body: str, signers: Sequence[tuple[VerifierKey, Ed25519PrivateKey]]) -> str:
    """The note of a body that ends in a newline, one signature line per signer in the given order."""
    lines = [
        f"{_DASH}{key.name} {base64.b64encode(key.key_id + private.sign(body.encode())).decode()}\n"
        for key, private in signers
    ]
    return f"{body}\n{''.join(lines)}"


def verify(note: str, trusted: Sequence[VerifierKey]) -> str:
    """Body of the note, signed by at least one trusted key; lines of unknown keys are ignored.

    Raises:
        NoteError: malformed, no line of a trusted key, or a line of a trusted key that does not verify.
    """
    body, signatures = _split(note)
    found = False
    for name, blob in signatures:
        for key in trusted:
            if key.name != name or key.key_id != blob[:4]:
                continue
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(blob[4:], body.encode())
            except InvalidSignature as exc:
                raise NoteError(f"The signature of {name} does not verify.") from exc
            found = True
    if not found:
        raise NoteError("The note has no signature of a trusted key.")
    return body


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or any(ord(ch) < 0x20 and ch != "\n" for ch in note):
        raise NoteError("A note is a text, an empty line and signature lines, each ended by a newline.")
    signatures = []
    for line in tail[:-1].split("\n"):
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not name or not space:
            raise NoteError("A signature line has the form: em dash, space, name, space, base64.")
        signatures.append((name, decode_base64(encoded, "signature")))
    return text + "\n", signatures


def parse_checkpoint(body: str) -> Checkpoint:
    """Checkpoint of a note's body; extension lines after the third are allowed and ignored.

    Raises:
        NoteError: fewer lines, a size that is not plain decimal, or a root that is not 32 bytes.
    """
    lines = body.split("\n")
    if len(lines) < 4 or lines[-1] or "" in lines[:-1]:
        raise NoteError("A checkpoint has an origin line, a size line and a root line.")
    origin, size, root = lines[:3]
    if not size.isascii() or not size.isdigit() or (size != "0" and size.startswith("0")):
        raise NoteError("The checkpoint's size is not a plain decimal number.")
    decoded = decode_base64(root, "checkpoint's root")
    if len(decoded) != HASH_BYTES:
        raise NoteError("The checkpoint's root is not 32 bytes.")
    return Checkpoint(origin, int(size), decoded)


def proof_text(index: int, hashes: Sequence[bytes], note: str) -> str:
    """Inclusion proof as text: c2sp.org/tlog-proof@v1."""
    lines = "".join(f"{base64.b64encode(each).decode()}\n" for each in hashes)
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n{lines}\n{note}"
