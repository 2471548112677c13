"""The values that pass between the rooms of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ledger.merkle import leaf_hash
from ledger.notes import Checkpoint

LEAF_LIMIT_BYTES = 65_535


class Kind(StrEnum):
    """What an entry is."""

    VERSION = "version"
    """A canonical version manifest."""
    EXECUTION = "execution"
    """The payload of an execution's attestation."""
    EVIDENCE = "evidence"
    """Evidence of an older client, wrapped."""
    KEY = "key"
    """The log's own announcement of a key: added or revoked."""


class Purpose(StrEnum):
    """What a key signs."""

    EVIDENCE = "evidence"
    """Envelopes of attestations, and announcements."""
    LOG = "log"
    """Checkpoints."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What is to be appended. `envelope` is kept beside the entry and not part of the tree."""

    kind: Kind
    data: bytes
    envelope: bytes | None = None

    @property
    def hash(self) -> bytes:
        """Leaf hash."""
        return leaf_hash(self.data)


@dataclass(frozen=True, slots=True)
class Registered:
    """An entry of the log with its proof against the first checkpoint that holds it.

    `duplicate`: the leaf was there before this call; index, proof and envelope are those of then.
    """

    index: int
    leaf_hash: bytes
    duplicate: bool
    proof: str
    envelope: bytes | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as stored."""

    index: int
    leaf_hash: bytes
    kind: Kind
    data: bytes
    envelope: bytes | None
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and the note that carries it."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Hashes from the leaf's sibling upwards; `text` is set when a checkpoint of this tree size was published."""

    index: int
    size: int
    leaf_hash: bytes
    hashes: Sequence[bytes]
    root: bytes
    text: str | None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The public side of a key, kept for ever. Instants are UTC; `None`: no end, not revoked.

    `revoked_at_size`: entries with a smaller index were in the log before the revocation and still count.
    """

    purpose: Purpose
    keyid: str
    public_pem: str
    not_before: datetime
    not_after: datetime | None = None
    revoked_at: datetime | None = None
    revoked_at_size: int | None = None

    def signs_at(self, now: datetime) -> bool:
        """Whether the key is in use."""
        started = self.not_before <= now
        ended = self.not_after is not None and self.not_after <= now
        return started and not ended and self.revoked_at is None
