"""Secrets at rest: AES-256-GCM under keys derived from the operator's master keys.

A sealed value names the key that sealed it. The first master key seals; the others still open what they sealed, so that
a master key is rotated by putting a new one in front, sealing all again, and taking the old one out. What is sealed for
one place (tenant, table, name) opens for no other: the place is authenticated with it.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.errors import ConfigurationError, Unavailable

MASTER_KEY_BYTES = 32
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Sealed:
    """Ciphertext with what opens it again."""

    key_id: str
    nonce: bytes
    ciphertext: bytes


class SecretBox:
    """Seals and opens. Without a master key it refuses both, so that nothing is ever stored in clear."""

    def __init__(self, master_keys: Sequence[bytes], random_bytes: Callable[[int], bytes]) -> None:
        """Take the master keys, the sealing one first.

        Raises:
            ConfigurationError: one has not 32 bytes.
        """
        if any(len(key) != MASTER_KEY_BYTES for key in master_keys):
            raise ConfigurationError(f"An encryption key is not {MASTER_KEY_BYTES} bytes long.")
        self._random_bytes = random_bytes
        self._ciphers = {_key_id(key): AESGCM(_derived(key)) for key in master_keys}
        self._sealing = next(iter(self._ciphers), None)

    @property
    def sealing_key_id(self) -> str | None:
        """Name of the key that seals now; what another one sealed should be sealed again. None: there is no key."""
        return self._sealing

    def seal(self, plain: bytes, place: str) -> Sealed:
        """Encrypt for one place.

        Raises:
            Unavailable: there is no master key.
        """
        if self._sealing is None:
            raise _no_key("Secrets cannot be kept: the installation has no encryption key.")
        nonce = self._random_bytes(NONCE_BYTES)
        return Sealed(self._sealing, nonce, self._ciphers[self._sealing].encrypt(nonce, plain, place.encode()))

    def open(self, sealed: Sealed, place: str) -> bytes:
        """Decrypt what was sealed for this place.

        Raises:
            Unavailable: its key is not among the master keys, or it was altered or moved.
        """
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise _no_key("A secret cannot be read: the key that encrypted it is not among the configured ones.")
        try:
            return cipher.decrypt(sealed.nonce, sealed.ciphertext, place.encode())
        except InvalidTag as exc:
            raise _no_key("A secret cannot be read: what is stored was altered.") from exc


def _derived(master_key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"maestro secrets at rest v1").derive(master_key)


def _key_id(master_key: bytes) -> str:
    """A name that tells keys apart and nothing about them."""
    return hashlib.sha256(b"maestro key id v1" + _derived(master_key)).hexdigest()[:16]


def _no_key(message: str) -> Unavailable:
    return Unavailable("secrets", message, code="secrets.unavailable")
