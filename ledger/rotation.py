"""Changes of keys, each an entry of the log that a key already trusted has signed."""

from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import dsse
from ledger.errors import ConfigurationError, NotFound
from ledger.jsontext import JsonObject, canonical, parse
from ledger.keys import PrivateKeys, record_of
from ledger.log import Log
from ledger.values import KeyRecord, Kind, Leaf, Purpose


def instant(moment: datetime) -> str:
    """RFC 3339 with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def ensure_keys(log: Log, private: PrivateKeys, now: datetime, overlap: timedelta) -> None:
    """Bring the recorded keys and the private ones at hand together, at start.

    The very first key of a purpose is made if there is none. A key from settings that is not recorded yet is
    introduced by the recorded one beside it.

    Raises:
        ConfigurationError: keys are recorded and none of the private ones at hand is among them.
    """
    for purpose in Purpose:
        records = {each.keyid: each for each in (await log.keyring()).records if each.purpose == purpose}
        keys = private.load(purpose)
        if not records:
            first = (keys or [private.create(purpose)])[0]
            await log.record_key(record_of(purpose, first, now))
            continue
        if not any(dsse.keyid(key.public_key()) in records for key in keys):
            raise ConfigurationError(
                f"The log knows {len(records)} {purpose} key(s) and none of their private parts is at hand: a new key "
                "must be introduced by an old one, so give both."
            )
        if dsse.keyid(keys[0].public_key()) not in records:
            await introduce(log, purpose, keys[0], now, overlap)


async def rotate(log: Log, private: PrivateKeys, purpose: Purpose, now: datetime, overlap: timedelta) -> KeyRecord:
    """Make a new key; the one in use signs its introduction, and both sign for the time of the overlap."""
    return await introduce(log, purpose, private.create(purpose), now, overlap)


async def introduce(log: Log, purpose: Purpose, key: Ed25519PrivateKey, now: datetime, overlap: timedelta) -> KeyRecord:
    """Log the key under the signature of the one in use, then take it into use."""
    record = record_of(purpose, key, now)
    await _announce(
        log,
        purpose,
        now,
        {"keyid": record.keyid, "notBefore": instant(now), "publicKey": record.public_pem, "type": "key-added"},
    )
    await log.record_key(record, retire_others_at=now + overlap)
    return record


async def revoke(log: Log, purpose: Purpose, identifier: str, now: datetime) -> KeyRecord:
    """Revoke a key, under the signature of another: only what the log held before this entry still counts.

    Raises:
        NotFound: there is no such key, or it was revoked before.
        ConfigurationError: no other key of the purpose is in use; rotate first.
    """
    ring = await log.keyring()
    record = ring.find(purpose, identifier)
    if record is None or record.revoked_at is not None:
        raise NotFound(f"There is no {purpose} key {identifier!r} that could be revoked.")
    others = [each for each in ring.records if each.purpose == purpose and each.keyid != record.keyid]
    if not any(each.signs_at(now) for each in others):
        raise ConfigurationError(f"{record.keyid[:16]} is the only {purpose} key in use: rotate first, then revoke.")
    at_size = await _announce(
        log, purpose, now, {"keyid": record.keyid, "revokedAt": instant(now), "type": "key-revoked"}, record.keyid
    )
    if not await log.revoke_key(record, at_size):
        raise NotFound(f"The {purpose} key {identifier!r} was revoked meanwhile.")
    return record


async def _announce(log: Log, purpose: Purpose, now: datetime, announcement: JsonObject, except_keyid: str = "") -> int:
    """Append the announcement in an envelope signed by the keys in use; its index."""
    signers = [
        key for key in (await log.keyring()).signers(purpose, now) if dsse.keyid(key.public_key()) != except_keyid
    ]
    envelope = dsse.envelope(dsse.KEY_TYPE, canonical({**announcement, "purpose": purpose.value}), signers)
    [registered] = await log.append([Leaf(Kind.KEY, canonical(parse(envelope)))])
    return registered.index
