"""Checkpoints (c2sp.org/tlog-checkpoint in c2sp.org/signed-note) and proofs (c2sp.org/tlog-proof@v1)."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .parsing import decode
from .reasons import VerificationError

_ED25519 = b"\x01"
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_MAGIC = "c2sp.org/tlog-proof@v1"
_MOST_HASHES = 64


@dataclass(frozen=True, slots=True)
class LogKey:
    """A trusted log: its name and public key."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "LogKey":
        """Read `name+hex8+base64(01 || public key)`."""
        name, _, rest = text.strip().partition("+")
        hint, _, encoded = rest.partition("+")
        key = decode(encoded, "The log's verifier key")
        if not name or re.search(r"\s", name) or key[:1] != _ED25519 or len(key) != 33:
            raise VerificationError("The log's verifier key is not of the form name+hash+key with an Ed25519 key")
        parsed = cls(name, key[1:])
        if parsed.key_id.hex() != hint:
            raise VerificationError(f"The log's verifier key has the hash {parsed.key_id.hex()}, and says {hint[:8]}")
        return parsed

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256 over name, newline, type and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's summary of its first `size` entries, and the note that signs it."""

    origin: str
    size: int
    root: bytes
    note: str

    @classmethod
    def parse(cls, note: str, what: str) -> "Checkpoint":
        """Read a note without judging its signatures."""
        body, blank, _ = note.partition("\n\n")
        lines = body.split("\n")
        if not blank or len(lines) < 3 or not lines[0] or "" in lines:
            raise VerificationError(f"{what} has no checkpoint with origin, size and root")
        if not _DECIMAL.fullmatch(lines[1]):
            raise VerificationError(f"{what} has a checkpoint whose size is not plain decimal: {lines[1][:20]!r}")
        root = decode(lines[2], f"The checkpoint's root in {what}")
        if len(root) != 32:
            raise VerificationError(f"{what} has a checkpoint whose root has {len(root)} bytes, not 32")
        return cls(lines[0], int(lines[1]), root, note)

    def verify(self, trusted: Sequence[LogKey], what: str) -> None:
        """Fail unless a trusted log key of the checkpoint's origin signed the note; unknown signers are ignored."""
        body, _, tail = self.note.rpartition("\n\n")
        if not tail.endswith("\n"):
            raise VerificationError(f"The checkpoint in {what} does not end with a newline")
        signed = False
        for line in tail[:-1].split("\n"):
            name, space, encoded = line.removeprefix("\N{EM DASH} ").partition(" ")
            if not line.startswith("\N{EM DASH} ") or not space:
                raise VerificationError(f"The checkpoint in {what} has a malformed signature line")
            blob = decode(encoded, f"A signature of the checkpoint in {what}")
            for key in trusted:
                if key.name != name or key.key_id != blob[:4] or key.name != self.origin:
                    continue
                _verify_line(key, blob[4:], body + "\n", what)
                signed = True
        if not signed:
            raise VerificationError(
                f"The checkpoint of {self.origin!r} in {what} has no signature of a trusted log key"
            )


def _verify_line(key: LogKey, signature: bytes, body: str, what: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, body.encode())
    except InvalidSignature as exc:
        raise VerificationError(f"The signature of {key.name} on the checkpoint in {what} does not verify") from exc


@dataclass(frozen=True, slots=True)
class Proof:
    """Inclusion of one leaf under a checkpoint."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, data: bytes, what: str) -> "Proof":
        """Read the text form."""
        try:
            text = data.decode()
        except UnicodeDecodeError as exc:
            raise VerificationError(f"{what} is not UTF-8") from exc
        head, blank, note = text.partition("\n\n")
        magic, *lines = head.split("\n")
        if not blank or magic != _MAGIC or not lines:
            raise VerificationError(f"{what} is not a {_MAGIC}")
        word, _, index = lines[0].partition(" ")
        if word != "index" or not _DECIMAL.fullmatch(index):
            raise VerificationError(f"{what} has no index line")
        if len(lines) > 1 + _MOST_HASHES:
            raise VerificationError(f"{what} has more than {_MOST_HASHES} hashes")
        hashes = tuple(decode(line, f"A hash of {what}") for line in lines[1:])
        if any(len(each) != 32 for each in hashes):
            raise VerificationError(f"{what} has a hash that is not 32 bytes")
        return cls(int(index), hashes, Checkpoint.parse(note, what))
