"""Operations over a stream: queries and mutations end in time, subscriptions last as long as they like."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, get_operation_ast, parse
from strawberry.types import ExecutionResult, StreamExecutionResult
from strawberry.types.execution import PreExecutionError

Results = AsyncGenerator[StreamExecutionResult, None]
TIMED_OUT: Final = "request.timeout"
"""Code of the error that stands for a result which did not come in time."""


async def in_time(results: Results, limit_s: float) -> Results:
    """The one result of a query or mutation, or an error when it does not come in time."""
    found: StreamExecutionResult | None
    try:
        async with asyncio.timeout(limit_s):
            found = await anext(results, None)
    except TimeoutError:
        found = _given_up()
    finally:
        await results.aclose()
    if found is not None:
        yield found


def read_operation(query: str, operation_name: str | None, tokens: int) -> tuple[DocumentNode, OperationDefinitionNode]:
    """A document, and what of it is asked for; neither is validated.

    Raises:
        GraphQLError: the document cannot be read, or nothing in it has this name.
    """
    document = parse(query, max_tokens=tokens)
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        message = "The document has no operation of this name, or several and none was named."
        raise GraphQLError(message, extensions={"code": "GRAPHQL_OPERATION_UNKNOWN"})
    return document, operation


async def refused(error: GraphQLError) -> Results:
    """The result of an operation that cannot begin."""
    yield PreExecutionError(data=None, errors=[error])


def _given_up() -> ExecutionResult:
    message = "The answer took too long and was given up."
    return ExecutionResult(data=None, errors=[GraphQLError(message, extensions={"code": TIMED_OUT})])
