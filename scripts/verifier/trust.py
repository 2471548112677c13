"""What the verifier is given from outside of the bundle: public keys, verifier keys of the log, where to look."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from .notes import LogKey
from .parsing import Json, JsonObject, instant, json_object
from .reasons import CannotTell, VerificationError

_END = "-----END PUBLIC KEY-----"


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key with what is known of its validity; `None`: nothing known, no bound.

    `revoked_at_size`: entries of the log with a smaller index were there before the revocation and still count.
    """

    keyid: str
    public: Ed25519PublicKey
    not_after: datetime | None = None
    revoked_at: datetime | None = None
    revoked_at_size: int | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """Everything from outside. Empty lists: not given."""

    keys: tuple[TrustedKey, ...] = ()
    log_keys: tuple[LogKey, ...] = ()
    source: str = "nothing"


def keyid_of(public: Ed25519PublicKey) -> str:
    """Hex SHA-256 of the DER form."""
    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def pem_of(public: Ed25519PublicKey) -> bytes:
    """The one PEM form of a key."""
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_keys(pem: str, what: str) -> list[Ed25519PublicKey]:
    """Every public key of a PEM text; one at least, all Ed25519."""
    keys = []
    for block in pem.split(_END)[:-1]:
        try:
            key = load_pem_public_key((block + _END + "\n").lstrip().encode())
        except ValueError as exc:
            raise VerificationError(f"{what} is not a public key in PEM form") from exc
        if not isinstance(key, Ed25519PublicKey):
            raise VerificationError(f"{what} is not an Ed25519 key")
        keys.append(key)
    if not keys:
        raise VerificationError(f"{what} holds no public key in PEM form")
    return keys


def gather(keys: str | None, log_key: str | None, environment: Mapping[str, str], near: Path) -> Trust:
    """Trust from the options; without keys among them, from the store of the local embedded mode.

    The log's key, where it is not given by itself, comes from where the others come from: never is a log that another
    installation keeps held against a bundle.

    Raises:
        CannotTell: what was named cannot be read.
    """
    try:
        if keys is None:
            store = _store(environment, near)
            found = _folder_keys(store) if store else {}
            source = str(store) if store else "nothing"
        else:
            store = Path(keys) if Path(keys).is_dir() else None
            found = _folder_keys(store) if store else _file_keys(Path(keys))
            source = keys
        if log_key:
            log_keys = _log_keys(log_key)
        else:
            log_keys = _store_log_keys(store) if store or keys is None else _listed_log_keys(Path(keys))
    except (OSError, UnicodeDecodeError, VerificationError) as exc:
        raise CannotTell(f"What is to be trusted cannot be read: {exc}") from exc
    return Trust(tuple(found.values()), tuple(log_keys), source)


def _store(environment: Mapping[str, str], near: Path) -> Path | None:
    named = environment.get("MAESTRO_DATA_DIR")
    folders = [Path(named)] if named else [Path(".maestro"), near / ".maestro"]
    return next((folder / "trust" for folder in folders if (folder / "trust" / "keys").is_dir()), None)


def _folder_keys(folder: Path) -> dict[str, TrustedKey]:
    found: dict[str, TrustedKey] = {}
    for file in sorted([*folder.glob("*.pem"), *folder.glob("keys/*.pem")]):
        found |= {keyid_of(key): TrustedKey(keyid_of(key), key) for key in public_keys(file.read_text(), file.name)}
    listing = folder / "keys.json"
    if listing.is_file():
        found |= _listed(json_object(listing.read_bytes(), "keys.json"), only=set(found))
    if not found:
        raise VerificationError(f"{folder} holds no public keys")
    return found


def _file_keys(file: Path) -> dict[str, TrustedKey]:
    content = file.read_bytes()
    if content.lstrip().startswith(b"{"):
        return _listed(json_object(content, file.name), only=None)
    return {keyid_of(key): TrustedKey(keyid_of(key), key) for key in public_keys(content.decode(), file.name)}


def _listed(document: JsonObject, only: set[str] | None) -> dict[str, TrustedKey]:
    """Evidence keys of a listing as the ledger's `/keys` gives it, or just those in `only`."""
    listed = document.get("keys")
    found: dict[str, TrustedKey] = {}
    for each in listed if isinstance(listed, list) else []:
        if not isinstance(each, dict) or each.get("purpose", "evidence") != "evidence":
            continue
        [key] = public_keys(str(each.get("publicKey")), "A listed key")
        keyid = keyid_of(key)
        size = each.get("revokedAtSize")
        if only is None or keyid in only:
            found[keyid] = TrustedKey(
                keyid,
                key,
                _moment(each.get("notAfter")),
                _moment(each.get("revokedAt")),
                size if isinstance(size, int) and not isinstance(size, bool) else None,
            )
    if not found:
        raise VerificationError("The listing holds none of the keys")
    return found


def _moment(value: Json) -> datetime | None:
    return None if value is None else instant(str(value), "A key's validity")


def _log_keys(text: str) -> list[LogKey]:
    """From the verifier key itself, or from a file with one a line."""
    lines = Path(text).read_text().splitlines() if "+" not in text or Path(text).is_file() else [text]
    return [LogKey.parse(line) for line in lines if line.strip()]


def _store_log_keys(store: Path | None) -> list[LogKey]:
    """Of a trust store, or of the one whose folder of keys was named."""
    folders = [] if store is None else [store, store.parent] if store.name == "keys" else [store]
    file = next((folder / "log.vkey" for folder in folders if (folder / "log.vkey").is_file()), None)
    return [] if file is None else _log_keys(str(file))


def _listed_log_keys(file: Path) -> list[LogKey]:
    """Verifier keys of a listing as the ledger's `/keys` gives it; a PEM file has none."""
    content = file.read_bytes()
    log = json_object(content, file.name).get("log") if content.lstrip().startswith(b"{") else None
    listed = log.get("verifierKeys") if isinstance(log, dict) else None
    return [LogKey.parse(str(one)) for one in listed] if isinstance(listed, list) else []
