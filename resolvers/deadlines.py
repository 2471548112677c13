"""Operations over a stream: queries and mutations end in time, subscriptions last as long as they like."""

import asyncio
from collections.abc import AsyncGenerator

from graphql import GraphQLError, OperationType, get_operation_ast, parse
from strawberry.types import ExecutionResult, StreamExecutionResult
from strawberry.types.execution import PreExecutionError

Results = AsyncGenerator[StreamExecutionResult, None]


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


def is_subscription(query: str, operation_name: str | None, tokens: int) -> bool:
    """Whether a document asks to watch something.

    Raises:
        GraphQLError: the document cannot be read, or nothing in it has this name.
    """
    operation = get_operation_ast(parse(query, max_tokens=tokens), operation_name)
    if operation is None:
        message = "The document has no operation of this name, or several and none was named."
        raise GraphQLError(message, extensions={"code": "GRAPHQL_OPERATION_UNKNOWN"})
    return operation.operation is OperationType.SUBSCRIPTION


async def refused(error: GraphQLError) -> Results:
    """The result of an operation that cannot begin."""
    yield PreExecutionError(data=None, errors=[error])


def _given_up() -> ExecutionResult:
    message, code = "The answer took too long and was given up.", "request.timeout"
    return ExecutionResult(data=None, errors=[GraphQLError(message, extensions={"code": code})])
