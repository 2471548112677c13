"""The sample's way to the product: the two front doors, and nothing else."""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
from opentelemetry.trace import SpanKind

from engine.jsonvalue import Json, JsonObject, dumps
from engine.telemetry.tracing import carried, child

_TIMEOUT_S = 30.0
_FAILURES = (
    "... on ValidationFailed { faults { code path message hint } } ... on PolicyDenied { denials { code message } } "
    "... on Conflict { code message } ... on NotFound { code message } ... on RateLimited { code message }"
)


class SampleFailed(Exception):
    """The product did not do what the sample asked; the message is for the reader of the console."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One GraphQL mutation: its name, the selection of its success, and its input."""

    name: str
    selection: str
    arguments: JsonObject


class Doors:
    """GraphQL and REST of one API process, as one caller."""

    def __init__(self, base: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def mutate(self, mutation: Mutation) -> JsonObject:
        """The success member of a mutation's result.

        Raises:
            SampleFailed: the result is one of the expected failures, or the request itself failed.
        """
        kind = mutation.name[0].upper() + mutation.name[1:]
        document = (
            f"mutation Sample($input: {kind}Input!) {{ {mutation.name}(input: $input) {{ __typename "
            f"... on {kind}Success {{ {mutation.selection} }} {_FAILURES} }} }}"
        )
        body = {"query": document, "variables": {"input": mutation.arguments}}
        with child(f"call {mutation.name}", SpanKind.CLIENT):
            traceparent = carried(None)
            headers = {} if traceparent is None else {"traceparent": traceparent}
            answer = self._client.post("/graphql", json=body, headers=headers)
        content = _object(answer)
        data = content.get("data")
        result = data.get(mutation.name) if isinstance(data, dict) else None
        if not isinstance(result, dict) or result.get("__typename") != f"{kind}Success":
            raise SampleFailed(f"{mutation.name} was refused: {dumps(result or content.get('errors'))}")
        return result

    def ask(self, query: str, variables: JsonObject) -> JsonObject:
        """The data of a GraphQL query.

        Raises:
            SampleFailed: it was answered with errors.
        """
        content = _object(self._client.post("/graphql", json={"query": query, "variables": variables}))
        data = content.get("data")
        if content.get("errors") or not isinstance(data, dict):
            raise SampleFailed(f"A query was refused: {dumps(content.get('errors'))}")
        return data

    def read(self, path: str) -> JsonObject:
        """The object at a REST path."""
        return _object(self._client.get(path))


def _object(answer: httpx.Response) -> JsonObject:
    try:
        content: Json = answer.json()
    except ValueError:
        content = answer.text
    if answer.is_error or not isinstance(content, dict):
        raise SampleFailed(
            f"{answer.request.method} {answer.request.url.path} answered {answer.status_code}: {dumps(content)}"
        )
    return content


def member(content: JsonObject, name: str) -> JsonObject:
    """A member that is an object.

    Raises:
        SampleFailed: it is not.
    """
    value = content.get(name)
    if not isinstance(value, dict):
        raise SampleFailed(f"The answer has no object {name!r}: {dumps(content)}")
    return value
