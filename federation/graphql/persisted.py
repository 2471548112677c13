"""Documents that are asked for by their hash: automatic persisted queries (Apollo's protocol, version 1)."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from engine.errors import MalformedRequest
from resolvers.trusted import NOT_IN_LIST, UNTRUSTED, TrustedDocuments, hash_of

_HASH = re.compile(r"[0-9a-f]{64}")
REMEMBERED = 1_000
"""Documents a process remembers; one of them has at most 32 KiB."""


class QueryNotFound(MalformedRequest):
    """No document with this hash is known here: the client sends it once more, with its text."""

    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class PersistedQueries:
    """Documents that this process has executed, by tenant and hash; the oldest ones are forgotten.

    With a list of trusted documents nothing is remembered: the list is all there is.
    """

    def __init__(self, trusted: TrustedDocuments | None) -> None:
        self._trusted = trusted
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    def text_of(self, query: str, extensions: Mapping[str, Any], tenant: str) -> str:
        """The document that a request means.

        Args:
            query: text of the request; empty: it names a hash only.
            extensions: of the request; `persistedQuery {version sha256Hash}` is looked at.
            tenant: of the caller; what another tenant has sent is not known to this one.

        Raises:
            QueryNotFound: the hash alone, of a document that is not known.
            MalformedRequest: neither text nor hash, a hash that is not the text's, or a document that is not trusted.
        """
        digest = _hash(extensions)
        if not query.strip():
            if digest is None:
                raise MalformedRequest("`query` must be the text of a document.", code="BAD_REQUEST")
            return self._found(tenant, digest)
        if digest is not None and digest != hash_of(query):
            raise MalformedRequest("The hash is not the one of the document.", code="PERSISTED_QUERY_HASH_MISMATCH")
        return query

    def check(self, text: str) -> None:
        """Let trusted documents pass, and every one where there is no list.

        Raises:
            MalformedRequest: there is a list, and the document is not of it.
        """
        if self._trusted is not None and not self._trusted.admits(text):
            raise MalformedRequest(UNTRUSTED, code=NOT_IN_LIST)

    def remember(self, text: str, extensions: Mapping[str, Any], tenant: str) -> None:
        """Know a document by its hash from now on. For those alone that were valid: nonsense pushes nothing out."""
        digest = _hash(extensions)
        if digest is None or self._trusted is not None:
            return
        self._known[tenant, digest] = text
        self._known.move_to_end((tenant, digest))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _found(self, tenant: str, digest: str) -> str:
        found = self._known.get((tenant, digest)) if self._trusted is None else self._trusted.by_hash.get(digest)
        if found is None:
            raise QueryNotFound
        return found


def _hash(extensions: Mapping[str, Any]) -> str | None:
    """The hash that a request names; None where it names none.

    Raises:
        MalformedRequest: another version of the protocol, or no SHA-256.
    """
    named = extensions.get("persistedQuery")
    if named is None:
        return None
    if not isinstance(named, dict) or named.get("version") != 1:
        raise MalformedRequest("Persisted queries have version 1 here.", code="PERSISTED_QUERY_NOT_SUPPORTED")
    digest = named.get("sha256Hash")
    if not isinstance(digest, str) or not _HASH.fullmatch(digest):
        raise MalformedRequest("`sha256Hash` is 64 digits of lower-case hex.", code="BAD_REQUEST")
    return digest
