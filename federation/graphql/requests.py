"""GraphQL requests, read from HTTP (GraphQL over HTTP, section 5)."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from engine.definitions.reading import read_payload
from engine.errors import MalformedRequest
from engine.jsonvalue import Json
from rest_shim.call import check_content_type

PARAMETERS = ("query", "operationName", "variables", "extensions")


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One request; batches are not read.

    Attributes:
        query: text of the document; empty where the request names it by hash only.
    """

    query: str
    operation_name: str | None
    variables: dict[str, Any]
    extensions: dict[str, Any]


async def read_request(request: Request, document_limit: int) -> GraphQLRequest:
    """The request of a GET or POST.

    Raises:
        MalformedRequest: not well-formed: not JSON, a parameter of the wrong type, or a query that is too long.
        UnsupportedMedia: a body that is not JSON.
        ValidationFailed: JSON that is not accepted anywhere (duplicate members, too deep).
    """
    return request_of(await _parameters(request), document_limit)


def request_of(parameters: Json, document_limit: int) -> GraphQLRequest:
    """The request that these parameters make.

    Raises:
        MalformedRequest: as above.
    """
    if not isinstance(parameters, dict):
        raise MalformedRequest("One request at a time, as a JSON object.", code="BAD_REQUEST")
    query = parameters.get("query") or ""
    operation_name = parameters.get("operationName")
    if not isinstance(query, str):
        raise MalformedRequest("`query` must be the text of a document.", code="BAD_REQUEST")
    if operation_name is not None and not isinstance(operation_name, str):
        raise MalformedRequest("`operationName` must be a string or null.", code="BAD_REQUEST")
    if len(query.encode()) > document_limit:
        raise MalformedRequest(f"The document is over {document_limit} bytes.", code="GRAPHQL_LIMIT_EXCEEDED")
    return GraphQLRequest(query, operation_name, _map(parameters, "variables"), _map(parameters, "extensions"))


async def _parameters(request: Request) -> Json:
    if request.method == "GET":
        return _of_url(request.url.query)
    check_content_type(request.headers.get("content-type"))
    return read_payload(await request.body())


def _map(parameters: dict[str, Json], name: str) -> dict[str, Any]:
    value = parameters.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedRequest(f"`{name}` must be a JSON object or null.", code="BAD_REQUEST")
    return value


def _of_url(text: str) -> dict[str, Json]:
    values: dict[str, Json] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError as error:
        raise MalformedRequest("The query of the address cannot be read.", code="BAD_REQUEST") from error
    for name, value in pairs:
        if name not in PARAMETERS or name in values:
            raise MalformedRequest(f"Unknown or repeated parameter {name[:100]!r}.", code="BAD_REQUEST")
        is_json = name in {"variables", "extensions"} and value
        values[name] = read_payload(value.encode()) if is_json else value or None
    return values
