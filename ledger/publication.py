"""The public keys as the API lists them, and the trust store that the embedded mode leaves for the verifier."""

from pathlib import Path

import orjson

from ledger.files import write_durably
from ledger.jsontext import Json, JsonObject
from ledger.keys import Keyring, verifier_key
from ledger.rotation import instant
from ledger.values import KeyRecord, Purpose


def key_document(ring: Keyring, origin: str) -> JsonObject:
    """Every public key with its validity, and the verifier keys of the log that are not revoked."""
    keys: list[Json] = [_key(record) for record in ring.records]
    verifiers: list[Json] = [*_verifier_keys(ring, origin)]
    return {"keys": keys, "log": {"origin": origin, "verifierKeys": verifiers}}


def write_trust_store(folder: Path, ring: Keyring, origin: str) -> None:
    """`keys/<keyid>.pem` and `keys.json` of the evidence keys, and `log.vkey`, one verifier key a line."""
    evidence = [record for record in ring.records if record.purpose == Purpose.EVIDENCE]
    for record in evidence:
        write_durably(folder / "keys" / f"{record.keyid}.pem", record.public_pem.encode())
    listing = orjson.dumps({"keys": [_key(record) for record in evidence]}, option=orjson.OPT_INDENT_2)
    write_durably(folder / "keys.json", listing + b"\n")
    write_durably(folder / "log.vkey", "".join(f"{key}\n" for key in _verifier_keys(ring, origin)).encode())


def _verifier_keys(ring: Keyring, origin: str) -> list[str]:
    return [
        str(verifier_key(record, origin))
        for record in ring.records
        if record.purpose == Purpose.LOG and record.revoked_at is None
    ]


def _key(record: KeyRecord) -> JsonObject:
    return {
        "keyid": record.keyid,
        "purpose": record.purpose.value,
        "algorithm": "ed25519",
        "publicKey": record.public_pem,
        "notBefore": instant(record.not_before),
        "notAfter": None if record.not_after is None else instant(record.not_after),
        "revokedAt": None if record.revoked_at is None else instant(record.revoked_at),
        "revokedAtSize": record.revoked_at_size,
    }
