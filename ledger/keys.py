"""Signing keys: where the private ones come from, and which of them are in use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ledger.dsse import keyid
from ledger.errors import ConfigurationError, KeyMissing
from ledger.files import write_durably
from ledger.notes import VerifierKey
from ledger.values import KeyRecord, Purpose

_END = "-----END PRIVATE KEY-----"


def read_private_keys(pem: str, what: str) -> list[Ed25519PrivateKey]:
    """Every Ed25519 private key of a PEM text, in its order.

    Raises:
        ConfigurationError: none, or one that is not an unencrypted Ed25519 key.
    """
    keys = []
    for block in pem.split(_END)[:-1]:
        try:
            key = load_pem_private_key((block + _END + "\n").lstrip().encode(), password=None)
        except ValueError as exc:
            raise ConfigurationError(f"{what} holds a private key that cannot be read.") from exc
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigurationError(f"{what} holds a private key that is not Ed25519.")
        keys.append(key)
    if not keys:
        raise ConfigurationError(f"{what} holds no private key in PEM form.")
    return keys


def public_pem(public: Ed25519PublicKey) -> str:
    """PEM form of a public key."""
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


class PrivateKeys(Protocol):
    """Where private keys come from."""

    def load(self, purpose: Purpose) -> list[Ed25519PrivateKey]:
        """Those of the purpose, newest or first-named first."""
        ...

    def create(self, purpose: Purpose) -> Ed25519PrivateKey:
        """A new one, durable before the return.

        Raises:
            ConfigurationError: keys come from settings here, and only the operator can add one.
        """
        ...


@dataclass(frozen=True, slots=True)
class GivenKeys:
    """Private keys from settings."""

    by_purpose: dict[Purpose, list[Ed25519PrivateKey]]

    def load(self, purpose: Purpose) -> list[Ed25519PrivateKey]:
        """Those of the purpose, in the order given."""
        return self.by_purpose[purpose]

    def create(self, purpose: Purpose) -> Ed25519PrivateKey:
        """Not possible here."""
        raise ConfigurationError(
            f"The {purpose} key comes from the settings: put the new key first and keep the old one behind it."
        )


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """Private keys in files of mode 0600, one each."""

    folder: Path

    def load(self, purpose: Purpose) -> list[Ed25519PrivateKey]:
        """Those of the purpose, the newest file first."""
        files = sorted(self.folder.glob(f"{purpose}-*.pem"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        return [key for file in files for key in read_private_keys(file.read_text(), file.name)]

    def create(self, purpose: Purpose) -> Ed25519PrivateKey:
        """A new one in a file of its own."""
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(self.folder / f"{purpose}-{keyid(key.public_key())[:16]}.pem", pem, mode=0o600)
        return key


def record_of(purpose: Purpose, key: Ed25519PrivateKey, not_before: datetime) -> KeyRecord:
    """Public record of a key."""
    return KeyRecord(purpose, keyid(key.public_key()), public_pem(key.public_key()), not_before)


def verifier_key(record: KeyRecord, origin: str) -> VerifierKey:
    """Form in which verifiers of checkpoints are given a log key."""
    public = load_pem_public_key(record.public_pem.encode())
    if not isinstance(public, Ed25519PublicKey):
        raise ConfigurationError(f"The recorded key {record.keyid} is not Ed25519.")
    return VerifierKey(origin, public.public_bytes_raw())


@dataclass(frozen=True, slots=True)
class Keyring:
    """Recorded keys and the private ones at hand."""

    records: Sequence[KeyRecord]
    private: PrivateKeys

    def signers(self, purpose: Purpose, now: datetime) -> list[Ed25519PrivateKey]:
        """Keys in use for the purpose, newest first: two of them during a rotation's overlap.

        Raises:
            KeyMissing: none of the recorded keys in use has its private part here.
        """
        at_hand = {keyid(key.public_key()): key for key in self.private.load(purpose)}
        in_use = [
            at_hand[record.keyid]
            for record in self.records
            if record.purpose == purpose and record.signs_at(now) and record.keyid in at_hand
        ]
        if not in_use:
            raise KeyMissing(f"No private key for {purpose} that is in use is at hand here.")
        return in_use

    def log_signers(self, origin: str, now: datetime) -> list[tuple[VerifierKey, Ed25519PrivateKey]]:
        """Keys that sign checkpoints, newest first."""
        return [
            (VerifierKey(origin, key.public_key().public_bytes_raw()), key) for key in self.signers(Purpose.LOG, now)
        ]

    def find(self, purpose: Purpose, identifier: str) -> KeyRecord | None:
        """The recorded key with this id, or with an id that begins so, if there is just one."""
        found = [each for each in self.records if each.purpose == purpose and each.keyid.startswith(identifier)]
        return found[0] if len(found) == 1 else None
