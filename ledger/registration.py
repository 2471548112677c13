"""From request bodies to leaves: what may enter the log, and what the evidence key may sign."""

import base64
import binascii
import re
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import dsse
from ledger.errors import Fault, Invalid
from ledger.jsontext import Json, JsonObject, canonical, parse
from ledger.values import LEAF_LIMIT_BYTES, Kind, Leaf

BATCH_LIMIT = 1_000
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
EXECUTION_PREDICATE = "urn:maestro-composer:attestation:execution:v1"
EVIDENCE_TYPE = "urn:maestro-composer:evidence:v1"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MANIFEST_STRINGS = ("workflowId", "tenant", "version", "contentHash")


def version_leaves(body: Json) -> list[Leaf]:
    """Leaves of `{"manifests": [object, …]}`: each manifest's canonical bytes.

    Raises:
        Invalid: with every fault.
    """
    faults: list[Fault] = []
    leaves = [
        _sized(Kind.VERSION, _manifest(item, f"/manifests/{at}", faults), f"/manifests/{at}", faults)
        for at, item in enumerate(_items(body, "manifests"))
    ]
    return _all_or_nothing(leaves, faults)


def execution_leaves(body: Json, signers: Sequence[Ed25519PrivateKey]) -> list[Leaf]:
    """Leaves of `{"statements": [base64 of the payload's bytes, …]}`, each with its signed envelope.

    The bytes are signed and logged exactly as they came, and only if they are a Statement about an execution.

    Raises:
        Invalid: with every fault; nothing was signed.
    """
    faults: list[Fault] = []
    payloads = [
        _sized(Kind.EXECUTION, _statement(item, f"/statements/{at}", faults), f"/statements/{at}", faults)
        for at, item in enumerate(_items(body, "statements"))
    ]
    return [
        Leaf(leaf.kind, leaf.data, dsse.envelope(dsse.STATEMENT_TYPE, leaf.data, signers))
        for leaf in _all_or_nothing(payloads, faults)
    ]


def evidence_leaf(body: Json) -> Leaf:
    """Leaf of an older client's evidence: any object, wrapped so that it can never pass for anything else.

    Raises:
        Invalid: no object, too large, or without a canonical form.
    """
    faults: list[Fault] = []
    data = b""
    if not isinstance(body, dict) or not body:
        faults.append(Fault("evidence.shape", "", "The evidence is a JSON object with at least one member."))
    else:
        data = _canonical({"evidence": body, "type": EVIDENCE_TYPE}, "", faults)
    [leaf] = _all_or_nothing([_sized(Kind.EVIDENCE, data, "", faults)], faults)
    return leaf


def _items(body: Json, member: str) -> list[Json]:
    if not isinstance(body, dict) or set(body) != {member}:
        raise Invalid((Fault("body.shape", "", f"The body is an object with the one member {member!r}."),))
    items = body[member]
    if not isinstance(items, list) or not 0 < len(items) <= BATCH_LIMIT:
        raise Invalid((Fault("body.shape", f"/{member}", f"{member!r} is a list of 1 to {BATCH_LIMIT} items."),))
    return items


def _all_or_nothing(leaves: list[Leaf], faults: list[Fault]) -> list[Leaf]:
    if faults:
        raise Invalid(tuple(faults))
    return leaves


def _sized(kind: Kind, data: bytes, path: str, faults: list[Fault]) -> Leaf:
    if len(data) > LEAF_LIMIT_BYTES:
        faults.append(Fault("leaf.too_large", path, f"{len(data)} bytes; an entry holds at most {LEAF_LIMIT_BYTES}."))
    return Leaf(kind, data)


def _canonical(value: JsonObject, path: str, faults: list[Fault]) -> bytes:
    try:
        return canonical(value)
    except ValueError as exc:
        faults.append(Fault("json.not_canonical", path, f"There is no canonical form: {exc}."))
        return b""


def _manifest(item: Json, path: str, faults: list[Fault]) -> bytes:
    if not isinstance(item, dict):
        faults.append(Fault("manifest.shape", path, "A version manifest is an object."))
        return b""
    faults.extend(
        Fault("manifest.member", path, f"The manifest needs the string {name!r}.")
        for name in _MANIFEST_STRINGS
        if not isinstance(item.get(name), str)
    )
    return _canonical(item, path, faults)


def _statement(item: Json, path: str, faults: list[Fault]) -> bytes:
    try:
        payload = base64.b64decode(item, validate=True) if isinstance(item, str) else b""
        reason = _wrong_with(parse(payload))
    except (binascii.Error, ValueError) as exc:
        payload, reason = b"", str(exc)
    if reason is not None:
        faults.append(Fault("statement.malformed", path, f"Not a Statement about an execution in base64: {reason}."))
    return payload


def _wrong_with(statement: Json) -> str | None:
    """Why this is not a Statement that the evidence key signs; `None`: it is one."""
    if not isinstance(statement, dict):
        return "it is not an object"
    if statement.get("_type") != STATEMENT_TYPE:
        return f"_type is not {STATEMENT_TYPE}"
    if statement.get("predicateType") != EXECUTION_PREDICATE:
        return f"predicateType is not {EXECUTION_PREDICATE}"
    if not isinstance(statement.get("predicate"), dict):
        return "predicate is not an object"
    subjects = statement.get("subject")
    names = [_subject_name(subject) for subject in subjects] if isinstance(subjects, list) else []
    if not names or None in names:
        return "subject is not a list of names with their lower-case hex sha256"
    return "a subject is named twice" if len(set(names)) != len(names) else None


def _subject_name(subject: Json) -> str | None:
    name = subject.get("name") if isinstance(subject, dict) else None
    digest = subject.get("digest") if isinstance(subject, dict) else None
    sha256 = digest.get("sha256") if isinstance(digest, dict) else None
    if not isinstance(name, str) or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        return None
    return name
