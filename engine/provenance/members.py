"""Members of an evidence bundle, made from rows one at a time and spilled to disk when they grow."""

import hashlib
import io
import tempfile
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO, Protocol, cast

import orjson

from engine.jsonvalue import Json, JsonObject
from engine.provenance.statement import Subject, digest

SPILL_BYTES = 1 << 20
CHUNK_BYTES = 1 << 16
_DIGEST = "Digest"
_SMALL = 64


@dataclass(frozen=True, slots=True)
class Withheld:
    """The payload is left out for this reason; its digest and size stay."""

    reason: str


@dataclass(frozen=True, slots=True)
class Large:
    """A payload that was not even read: what the store says of it, digest in hex."""

    sha256: str
    bytes: int


Shown = Json | orjson.Fragment
"""What a bundle shows of a payload: a value, or the stored text itself."""


class Disclosure(Protocol):
    """Decides, payload by payload, what a bundle shows."""

    def __call__(self, place: str, payload: bytes) -> Shown | Withheld:
        """What stands in the bundle for a payload.

        Args:
            place: `<member>/<name>`, as in `steps/output` or `human-tasks/formData`.
            payload: JSON text as stored.
        """
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One object of a member: members that are always shown, and payloads (JSON text as stored) that may not be."""

    members: JsonObject
    payloads: Mapping[str, bytes | Large | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the bundle. `content` is positioned anywhere; readers start at 0."""

    name: str
    size: int
    sha256: str
    content: BinaryIO = field(repr=False)

    def chunks(self) -> Iterator[bytes]:
        """The content, in pieces."""
        self.content.seek(0)
        while chunk := self.content.read(CHUNK_BYTES):
            yield chunk

    def subject(self) -> Subject:
        """As the Statement lists it."""
        return Subject(self.name, self.sha256)

    def close(self) -> None:
        """Give back the file behind it, if it was spilled."""
        self.content.close()


def object_line(kind: str, row: Row, disclosure: Disclosure) -> bytes:
    """The row as one line of JSON, members sorted. Beside each payload stands the digest of its stored bytes."""
    line: dict[str, Json | orjson.Fragment] = {**row.members}
    for name, payload in row.payloads.items():
        if payload is None:
            line[name] = None
        elif isinstance(payload, Large):
            line[name] = {"withheld": "large", "bytes": payload.bytes}
            line[name + _DIGEST] = f"sha256:{payload.sha256}"
        else:
            shown = disclosure(f"{kind}/{name}", payload)
            line[name] = {"withheld": shown.reason, "bytes": len(payload)} if isinstance(shown, Withheld) else shown
            line[name + _DIGEST] = _small_digest(payload) if len(payload) <= _SMALL else digest(payload)
    return orjson.dumps(line, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


@lru_cache(1_000)
def _small_digest(payload: bytes) -> str:
    """Most payloads of a busy installation are the same few."""
    return digest(payload)


def fixed_member(name: str, content: bytes) -> Member:
    """A member whose bytes are known."""
    return Member(name, len(content), hashlib.sha256(content).hexdigest(), io.BytesIO(content))


def lines(kind: str, rows: Iterable[Row], disclosure: Disclosure) -> bytes:
    """The content of a `.jsonl` member of few rows."""
    return b"".join(object_line(kind, row, disclosure) for row in rows)


async def rows_member(name: str, rows: AsyncIterable[Row], disclosure: Disclosure) -> Member:
    """A `.jsonl` member of rows in the order given. One row at a time is in memory."""
    file, checksum, size = _spool(), hashlib.sha256(), 0
    kind = name.removesuffix(".jsonl")
    try:
        async for row in rows:
            line = object_line(kind, row, disclosure)
            file.write(line)
            checksum.update(line)
            size += len(line)
    except BaseException:
        file.close()
        raise
    return Member(name, size, checksum.hexdigest(), file)


def _spool() -> BinaryIO:
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(SPILL_BYTES))  # closed with its Member
