"""Response bodies: decoded as they arrive, never more of them than the cap."""

import zlib
from typing import Protocol

from engine.actions.outbound.errors import OutboundError

ACCEPTED_ENCODINGS = "gzip, deflate"


class BodyReader:
    """Collects a body of one content encoding, up to `limit` bytes after decompression.

    A compressed piece is inflated only as far as the limit leaves room, so that a bomb is never unpacked.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self._inflate = _inflater(encoding.strip().lower())
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            OutboundError: the body is over the limit, or is not what its encoding says.
        """
        if self._inflate is None:
            self._keep(piece)
            return
        try:
            self._keep(self._inflate.decompress(piece, self._limit - self._size + 1))
        except zlib.error as exc:
            raise OutboundError("http.encoding_broken", "The body is not what its encoding says.", sent=True) from exc

    def value(self) -> bytes:
        """All of the body.

        Raises:
            OutboundError: a compressed body ended early.
        """
        if self._inflate is not None and self._size and not self._inflate.eof:
            raise OutboundError("http.network", "The body ended early.", sent=True, retryable=True, unhealthy=True)
        return b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise too_large(self._limit)
        self._parts.append(part)


def too_large(limit: int) -> OutboundError:
    """The body is over the limit; asking again would change nothing."""
    return OutboundError("http.too_large", f"The answer is larger than {limit // 2**20} MiB.", sent=True)


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _inflater(encoding: str) -> "_Inflater | None":
    if encoding in {"", "identity"}:
        return None
    if encoding in {"gzip", "x-gzip"}:
        return zlib.decompressobj(wbits=31)
    if encoding == "deflate":
        return zlib.decompressobj()
    raise OutboundError("http.encoding_refused", "The answer has a content encoding that was not asked for.", sent=True)
