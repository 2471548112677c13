"""The list of trusted documents: where there is one, nothing else is executed for clients."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from graphql import GraphQLError
from strawberry.extensions import SchemaExtension

from engine.definitions.reading import read_document
from engine.errors import ConfigurationError, MalformedRequest, ValidationFailed
from resolvers.context import RequestContext

NOT_IN_LIST = "PERSISTED_QUERY_NOT_IN_LIST"
UNTRUSTED = "Only documents of the trusted list are executed here."


def hash_of(text: str) -> str:
    """SHA-256 of a document's text, in hex: its name among persisted queries."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TrustedDocuments:
    """Documents by hash. White space around a document does not count, all else does."""

    by_hash: Mapping[str, str]
    texts: frozenset[str]

    @classmethod
    def of(cls, documents: Mapping[str, str]) -> "TrustedDocuments":
        """The list of these documents, known by the given hashes and by those of their texts."""
        own = {hash_of(text): text for text in documents.values()}
        return cls({**own, **documents}, frozenset(text.strip() for text in documents.values()))

    @classmethod
    def load(cls, path: Path) -> "TrustedDocuments":
        """The list of a folder of `.graphql` files, or of a JSON file of hashes and documents (as generators write it).

        Raises:
            ConfigurationError: it cannot be read, or holds no document.
        """
        try:
            documents = _of_folder(path) if path.is_dir() else _of_manifest(path)
        except (OSError, UnicodeDecodeError, MalformedRequest, ValidationFailed) as error:
            raise ConfigurationError(f"The trusted documents at {path} cannot be read: {error}") from error
        if not documents:
            raise ConfigurationError(f"There are no trusted documents at {path}.")
        return cls.of(documents)

    def admits(self, text: str) -> bool:
        """Whether a document is of the list."""
        return text.strip() in self.texts


class OnlyTrusted(SchemaExtension):
    """Refuses documents that are not of the list, over every transport; routers plan documents of their own."""

    def __init__(self, trusted: TrustedDocuments) -> None:
        self._trusted = trusted

    def on_validate(self) -> Iterator[None]:
        """Judge the document of one operation."""
        context = self.execution_context
        request = context.context
        is_router = isinstance(request, RequestContext) and request.is_router
        if not is_router and not self._trusted.admits(context.query or ""):
            context.pre_execution_errors = [GraphQLError(UNTRUSTED, extensions={"code": NOT_IN_LIST})]
        yield


def _of_folder(folder: Path) -> dict[str, str]:
    texts = [file.read_text("utf-8") for file in sorted(folder.glob("*.graphql"))]
    return {hash_of(text): text for text in texts}


def _of_manifest(file: Path) -> dict[str, str]:
    found = read_document(file.read_bytes())
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ConfigurationError(f"{file} is not a JSON object of hashes and documents.")
    return {name.removeprefix("sha256:"): str(text) for name, text in found.items()}
