"""Reads a bundle's archive strictly and in one pass: gzip and USTAR by hand, nothing is ever written to disk."""

import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .reasons import VerificationError

MEMBER_LIMIT = 100
UNPACKED_LIMIT = 256 * 1024 * 1024
KEPT_LIMIT = 16 * 1024 * 1024
"""Most bytes of a member that is parsed whole; the `.jsonl` ones are only hashed and counted."""

DATA_MEMBERS = frozenset(
    {
        "definition.json",
        "execution.json",
        "human-tasks.jsonl",
        "policy-decisions.jsonl",
        "steps.jsonl",
        "version-manifest.json",
    }
)
ENVELOPE = "attestation.dsse.json"
EXECUTION_PROOF = "ledger/execution.tlog-proof"
VERSION_PROOF = "ledger/version.tlog-proof"
SUMS = "SHA256SUMS"
KEY_MEMBER = re.compile(r"keys/([0-9a-f]{64})\.pem")
_REQUIRED = DATA_MEMBERS | {ENVELOPE, EXECUTION_PROOF, VERSION_PROOF, SUMS}

_BLOCK = 512
_RECORD = 10_240
_CHUNK = 1 << 16
_FOLDER = re.compile(r"evidence-([0-9A-Za-z][0-9A-Za-z._-]{0,99})")
_OCTAL = re.compile(rb"([0-7]+)[\0 ]+")
_KINDS = {
    b"\0": "an old-style file",
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"5": "a directory",
    b"6": "a named pipe",
}


@dataclass(slots=True)
class Contents:
    """What the archive holds. `problems` are reasons against it that did not keep it from being read."""

    execution_id: str = ""
    mtime: int | None = None
    digests: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def key_members(self) -> dict[str, bytes]:
        """PEM of the bundled keys by the id in their names."""
        found = {name: KEY_MEMBER.fullmatch(name) for name in self.kept}
        return {match[1]: self.kept[name] for name, match in found.items() if match}


@dataclass(frozen=True, slots=True)
class _Header:
    name: str
    size: int
    mtime: int


def read(file: Path) -> Contents:
    """Contents of the archive, every member hashed.

    Raises:
        VerificationError: it cannot be read on: no gzip, no USTAR, cut short, over a limit.
        OSError: the file itself cannot be read.
    """
    contents = Contents()
    stream = _Stream(_unpack(file))
    names: list[str] = []
    while (block := stream.take(_BLOCK)) != bytes(_BLOCK):
        header = _header(block, contents)
        names.append(header.name)
        if len(names) > MEMBER_LIMIT:
            raise VerificationError(f"The archive has more than {MEMBER_LIMIT} members")
        _member(stream, header, contents)
    _end(stream)
    _check_names(names, contents)
    return contents


def _unpack(file: Path) -> Iterator[bytes]:
    total, inflater = 0, zlib.decompressobj(31)
    with file.open("rb") as packed:
        head = packed.read(10)
        # Nothing is signed over the packed bytes: whoever packs the same archive again, with a time or a name in the
        # header of gzip, has the same evidence.
        if head[:3] != b"\x1f\x8b\x08":
            raise VerificationError("The file is not gzip")
        pending = head
        while True:
            pending = pending or packed.read(_CHUNK)
            if inflater.eof:
                if pending:
                    raise VerificationError("There are bytes behind the end of the gzip stream")
                return
            data = _inflate(inflater, pending)
            if not (data or pending or inflater.eof):
                raise VerificationError("The gzip stream is cut short")
            total += len(data)
            if total > UNPACKED_LIMIT:
                raise VerificationError(f"The archive unpacks to more than {UNPACKED_LIMIT} bytes")
            pending = inflater.unconsumed_tail or inflater.unused_data
            yield data


def _inflate(inflater: "zlib._Decompress", data: bytes) -> bytes:
    try:
        return inflater.decompress(data, _CHUNK)
    except zlib.error as exc:
        raise VerificationError(f"The gzip stream is damaged: {exc}") from exc


class _Stream:
    """Exact reads over the unpacked pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._buffer = bytearray()

    def take(self, count: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._buffer) < count:
            piece = next(self._pieces, None)
            if piece is None:
                raise VerificationError("The archive is cut short")
            self._buffer += piece
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def rest(self) -> bytes:
        """Everything that is left, up to one record."""
        for piece in self._pieces:
            self._buffer += piece
            if len(self._buffer) > _RECORD:
                raise VerificationError("There is more behind the archive's end than padding")
        return bytes(self._buffer)


def _header(block: bytes, contents: Contents) -> _Header:
    if block[257:265] != b"ustar\x0000":
        raise VerificationError("The archive is not in USTAR format")
    if _octal(block[148:156], "checksum") != sum(block[:148]) + 8 * 0x20 + sum(block[156:]):
        raise VerificationError("A header's checksum is wrong")
    prefix, name = _text(block[345:500]), _text(block[:100])
    full = f"{prefix}/{name}" if prefix else name
    shown = repr(full[:120])
    kind = block[156:157]
    if kind != b"0":
        raise VerificationError(f"The member {shown} is {_KINDS.get(kind, 'of an unknown type')}, not a plain file")
    fields = {
        "mode 0644": _octal(block[100:108], "mode") == 0o644,
        "owner 0 and group 0": _octal(block[108:116], "owner") == _octal(block[116:124], "group") == 0,
        "no link and no names of owners": not block[157:257].strip(b"\0") and not block[265:329].strip(b"\0"),
    }
    contents.problems += [f"The member {shown} has not {what}" for what, holds in fields.items() if not holds]
    return _Header(full, _octal(block[124:136], "size"), _octal(block[136:148], "time"))


def _octal(data: bytes, what: str) -> int:
    match = _OCTAL.fullmatch(data)
    if match is None:
        raise VerificationError(f"A header's {what} is not octal")
    return int(match[1], 8)


def _text(data: bytes) -> str:
    text, _, rest = data.partition(b"\0")
    if rest.strip(b"\0") or not text.isascii():
        raise VerificationError("A header holds a name that is not plain ASCII")
    return text.decode("ascii")


def _member(stream: _Stream, header: _Header, contents: Contents) -> None:
    folder, _, name = header.name.partition("/")
    match = _FOLDER.fullmatch(folder)
    inside = match is not None and name != "" and not header.name.startswith("/") and ".." not in header.name.split("/")
    if match is None or not inside:
        contents.problems.append(f"The member {header.name[:120]!r} is not inside of one folder evidence-<id>/")
    elif contents.execution_id not in ("", match[1]):
        contents.problems.append(f"The member {header.name[:120]!r} is in another folder than those before it")
    else:
        contents.execution_id = match[1]
    if contents.mtime not in (None, header.mtime):
        contents.problems.append(f"The member {header.name[:120]!r} has another time than those before it")
    contents.mtime = header.mtime
    if name in contents.digests:
        contents.problems.append(f"The member {name[:120]!r} is there twice")
    _content(stream, header.size, name, contents)


def _content(stream: _Stream, size: int, name: str, contents: Contents) -> None:
    if size > UNPACKED_LIMIT:
        raise VerificationError(f"The member {name[:120]!r} claims {size} bytes")
    keep = not name.endswith(".jsonl")
    if keep and size > KEPT_LIMIT:
        raise VerificationError(f"The member {name[:120]!r} has {size} bytes; at most {KEPT_LIMIT} are read")
    checksum, kept, lines, left, last = hashlib.sha256(), bytearray(), 0, size, b"\n"
    while left:
        piece = stream.take(min(left, _CHUNK))
        left -= len(piece)
        checksum.update(piece)
        lines += piece.count(b"\n")
        last = piece[-1:]
        if keep:
            kept += piece
    if stream.take(-size % _BLOCK).strip(b"\0"):
        contents.problems.append(f"The padding behind {name[:120]!r} is not zero")
    contents.digests[name] = checksum.hexdigest()
    contents.lines[name] = lines + (last != b"\n")
    if keep:
        contents.kept[name] = bytes(kept)


def _end(stream: _Stream) -> None:
    if stream.take(_BLOCK) != bytes(_BLOCK) or stream.rest().strip(b"\0"):
        raise VerificationError("There is something behind the archive's end")


def _check_names(names: list[str], contents: Contents) -> None:
    found = set(contents.digests)
    contents.problems += [f"The member {name!r} is missing" for name in sorted(_REQUIRED - found)]
    if not any(KEY_MEMBER.fullmatch(name) for name in found):
        contents.problems.append("There is no member keys/<keyid>.pem")
    unknown = sorted(name for name in found - _REQUIRED if not KEY_MEMBER.fullmatch(name))
    contents.problems += [f"The member {name[:120]!r} is unknown" for name in unknown]
    if names != sorted(names):
        contents.problems.append("The members are not sorted by name")
