"""Headers that make a call conditional or repeatable: `If-Match`, `If-None-Match`, `Idempotency-Key`."""

import re

from engine.errors import MalformedRequest

NEVER_CURRENT = 0
"""Revisions count from 1: a draft is never at this one."""

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_TAG_LIST = re.compile(rf"\s*{_TAG.pattern}(?:\s*,\s*{_TAG.pattern})*\s*")
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_BARE = re.compile(r"[\x21-\x7e]+")
MAX_KEY_LENGTH = 255


def revision_tag(revision: int) -> str:
    """Strong entity tag of a draft."""
    return f'"{revision}"'


def expected_revision(if_match: str | None) -> int | None:
    """Revision that the caller's `If-Match` names (RFC 9110, section 13.1.1).

    None: no condition, or `*`. A tag that is weak or of another form equals no revision: `NEVER_CURRENT`.

    Raises:
        MalformedRequest: not a list of entity tags, or a list of more than one.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    if not _TAG_LIST.fullmatch(if_match):
        raise MalformedRequest("If-Match must be one entity tag in double quotes, or *.", code="request.if_match")
    tags = _TAG.findall(if_match)
    if len(tags) > 1:
        raise MalformedRequest("If-Match names several revisions; send one.", code="request.if_match")
    weak, tag = tags[0]
    return int(tag) if not weak and tag.isascii() and tag.isdigit() and len(tag) < 10 else NEVER_CURRENT


def is_unchanged(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller holds what `tag` names already (RFC 9110, section 13.1.2: weak comparison)."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return tag.strip('"') in {value for _, value in _TAG.findall(if_none_match)}


def idempotency_key(header: str | None) -> str | None:
    """Key of an `Idempotency-Key` header: a structured-field string (RFC 9651) or a bare token; None: absent.

    Raises:
        MalformedRequest: empty, too long, or not visible ASCII.
    """
    if header is None:
        return None
    text = header.strip()
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted.group(1)) if quoted else text
    is_open = quoted is None and '"' in text
    if is_open or not _BARE.fullmatch(key) or len(key) > MAX_KEY_LENGTH:
        raise MalformedRequest(
            f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} visible ASCII characters, bare or in double quotes.",
            code="idempotency.key_malformed",
        )
    return key
