"""The `info` argument of root resolvers."""

from typing import TypeAlias
from uuid import UUID

import strawberry

from engine.errors import NotFound
from resolvers.context import RequestContext
from schema.identifiers import as_uuid

Info: TypeAlias = strawberry.Info[RequestContext, None]


def identifier(noun: str, text: str) -> UUID:
    """Id of an input.

    Raises:
        NotFound: it is no identifier, so nothing has it.
    """
    found = as_uuid(text)
    if found is None:
        raise NotFound(noun, text)
    return found


def identifier_or_none(noun: str, text: str | None) -> UUID | None:
    """Id of an input that may be left out.

    Raises:
        NotFound: it is no identifier, so nothing has it.
    """
    return None if text is None else identifier(noun, text)
