"""The links of the audit chain: what is hashed, byte for byte.

An entry's hash is SHA-256 over its canonical JSON (RFC 8785; every member a text or null, times in UTC with
microseconds, `details` the JSON text as it is stored). A link's hash is SHA-256 over its tenant, its number, the hash
before it and the entry's hash, each on a line, so that no entry can be changed, removed, added or moved unseen.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from engine.definitions.hashing import hash_of
from engine.jsonvalue import JsonObject

GENESIS: Final = "sha256:" + "0" * 64
"""What stands before the first link."""
_DOMAIN: Final = "maestro-audit-chain-v1"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry of the audit log, as it is stored.

    Attributes:
        details: JSON text.
    """

    tenant: str
    id: UUID
    at: datetime
    actor: str
    on_behalf_of: str | None
    action: str
    resource_type: str
    resource_id: str
    before_hash: str | None
    after_hash: str | None
    decision_id: UUID | None
    request_id: str
    source: str
    details: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """One link: entry number `seq` of its tenant's chain, from 1."""

    tenant: str
    seq: int
    entry_id: UUID
    entry_hash: str
    previous_hash: str
    hash: str


def read_entry(row: Mapping[str, object]) -> AuditRow:
    """An entry from a row with the columns of `audit_entries`, `details` as text."""
    return AuditRow(tenant=row["tenant_id"], **{name: row[name] for name in _COLUMNS})  # type: ignore[arg-type]  # columns of the table


def entry_hash(entry: AuditRow) -> str:
    """Digest of an entry."""
    document: JsonObject = {
        "tenant": entry.tenant,
        "id": str(entry.id),
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "onBehalfOf": entry.on_behalf_of,
        "action": entry.action,
        "resourceType": entry.resource_type,
        "resourceId": entry.resource_id,
        "beforeHash": entry.before_hash,
        "afterHash": entry.after_hash,
        "decisionId": None if entry.decision_id is None else str(entry.decision_id),
        "requestId": entry.request_id,
        "source": entry.source,
        "details": entry.details,
    }
    return hash_of(document)


def link_after(previous: Link | None, entry: AuditRow) -> Link:
    """The link of an entry behind the newest one of its tenant; None: it is the first."""
    seq = 1 if previous is None else previous.seq + 1
    before = GENESIS if previous is None else previous.hash
    hashed = entry_hash(entry)
    return Link(entry.tenant, seq, entry.id, hashed, before, link_hash(entry.tenant, seq, before, hashed))


def link_hash(tenant: str, seq: int, previous_hash: str, hash_of_entry: str) -> str:
    """Digest of a link."""
    lines = "\n".join((_DOMAIN, tenant, str(seq), previous_hash, hash_of_entry))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


_COLUMNS: Final = tuple(name for name in AuditRow.__dataclass_fields__ if name != "tenant")
