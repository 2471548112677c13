"""`database`: one parameterised statement on a PostgreSQL connection."""

import asyncio
import re
from typing import Final

import asyncpg

from engine.actions.attempts import attempt_over, seconds_for
from engine.actions.connections.values import PostgresConnection
from engine.actions.database_statements import Progress, Statement, make_record_table, run_once
from engine.actions.database_values import ParameterError
from engine.actions.interface import ActionContext, Effect, Failed, Result, Succeeded, config_invalid
from engine.actions.json_schemas import closed_object, compile_schema
from engine.actions.outbound.circuits import Place
from engine.actions.outbound.errors import OutboundError
from engine.actions.outbound.traffic import Protocol
from engine.actions.tools import ActionTools
from engine.errors import Fault
from engine.jsonvalue import JsonObject

_READS: Final = frozenset({"select", "with", "values", "table", "show", "explain"})
_WRITES: Final = _READS | {"insert", "update", "delete", "merge", "call"}
_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*\*/|\()*")
# Classes and codes of SQLSTATE after which the same statement may go well: connection, resources, operator, conflicts.
_RETRYABLE_CLASSES: Final = ("08", "53", "57", "40", "58")
_RETRYABLE_STATES: Final = frozenset({"55P03"})
_UNHEALTHY_CLASSES: Final = ("08", "53", "57P", "58")

CONFIG_SCHEMA: Final[JsonObject] = closed_object(
    {
        "connection": {
            "title": "Connection",
            "description": "Name of a `postgresql` connection.",
            "type": "string",
            "minLength": 1,
        },
        "statement": {
            "title": "Statement",
            "description": "One SQL statement with `$1`, `$2`, … for its parameters. Never put templates into it.",
            "type": "string",
            "minLength": 1,
            "maxLength": 65_536,
        },
        "parameters": {
            "title": "Parameters",
            "description": "Values of `$1`, `$2`, …; usually templates. Instants as RFC 3339, bytes as base64.",
            "type": "array",
            "maxItems": 1000,
        },
        "mode": {
            "title": "Mode",
            "description": "`read` runs in a read-only transaction; `write` needs a connection that allows it.",
            "type": "string",
            "enum": ["read", "write"],
            "default": "read",
        },
        "maxRows": {
            "title": "Row limit",
            "description": "Rows in the output; further ones are left out and `truncated` is true.",
            "type": "integer",
            "minimum": 1,
            "maximum": 10_000,
            "default": 1000,
        },
        "timeoutMs": {
            "title": "Statement timeout",
            "description": "Milliseconds that the database may work on the statement.",
            "type": "integer",
            "minimum": 1,
            "maximum": 30_000,
            "default": 10_000,
        },
    },
    required=("connection", "statement"),
    title="Database statement",
    description=(
        "Runs one statement. Output: `{rows, rowCount, truncated}`. A writing statement runs in one transaction with "
        "the record of the step's key, so that a repeated attempt finds the first one's output and changes nothing."
    ),
)


class Database:
    """One statement in one transaction per attempt."""

    name = "database"
    effect = Effect.WRITE
    config_schema = CONFIG_SCHEMA

    def __init__(self, tools: ActionTools) -> None:
        self._tools = tools
        self._schema = compile_schema(CONFIG_SCHEMA)

    async def run(self, context: ActionContext) -> Result:
        """`{rows, rowCount, truncated}`."""
        return await attempt_over(self._tools, context, self._schema, PostgresConnection, self._attempt)

    async def _attempt(self, context: ActionContext, connection: PostgresConnection) -> Result:
        statement = _statement(context.config)
        word = first_word(statement.text)
        if word not in (_WRITES if statement.is_write else _READS):
            message = f"A {'writing' if statement.is_write else 'reading'} step runs no {word.upper()!r} statement."
            return config_invalid((Fault("database.statement", "/statement", message, "See `mode`."),))
        if statement.is_write and not connection.allow_writes:
            return Failed("database.read_only", "The connection does not allow steps to change data.")
        return await self._run(context, connection, statement)

    async def _run(self, context: ActionContext, connection: PostgresConnection, statement: Statement) -> Result:
        deadline = asyncio.get_running_loop().time() + seconds_for(context)
        place = Place(context.tenant, connection.reference.name, connection.host, connection.port)
        progress = Progress()
        async with self._tools.traffic.call(
            place, Protocol.POSTGRESQL, deadline=deadline, concurrency=connection.max_concurrency
        ) as call:
            try:
                async with asyncio.timeout_at(deadline):
                    return Succeeded(await self._transact(context, connection, statement, progress))
            except ParameterError as exc:
                return config_invalid((Fault("database.parameters", "/parameters", str(exc), "Give another value."),))
            except asyncpg.PostgresError as exc:
                call.unhealthy = (exc.sqlstate or "").startswith(_UNHEALTHY_CLASSES)
                return _refused(exc)
            except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as exc:
                raise _broken(exc, sent=progress.committing and statement.is_write) from exc

    async def _transact(
        self, context: ActionContext, connection: PostgresConnection, statement: Statement, progress: Progress
    ) -> JsonObject:
        pool = await self._tools.databases.of(connection)
        async with pool.acquire() as session:
            try:
                return await run_once(session, statement, context.idempotency_key, connection.record_table, progress)
            except asyncpg.UndefinedTableError:
                if not statement.is_write or connection.record_table is None:
                    raise
                await make_record_table(session, connection.record_table)
            return await run_once(session, statement, context.idempotency_key, connection.record_table, progress)


def first_word(text: str) -> str:
    """The word that a statement begins with, in lower case, after comments and parentheses."""
    rest = _COMMENTS.sub("", text, count=1)
    return re.split(r"[^A-Za-z]", rest, maxsplit=1)[0].lower()


def _statement(config: JsonObject) -> Statement:
    parameters, rows, timeout = config.get("parameters"), config.get("maxRows"), config.get("timeoutMs")
    return Statement(
        text=str(config["statement"]),
        parameters=tuple(parameters) if isinstance(parameters, list) else (),
        is_write=config.get("mode") == "write",
        max_rows=rows if isinstance(rows, int) else 1000,
        timeout_ms=timeout if isinstance(timeout, int) else 10_000,
    )


def _refused(exc: asyncpg.PostgresError) -> Failed:
    """The database said no: the transaction is undone, so that an attempt may follow whatever the delivery."""
    state = exc.sqlstate or "XX000"
    if isinstance(exc, asyncpg.QueryCanceledError):
        return Failed("database.timeout", "The statement took too long.", retryable=True, details={"sqlstate": state})
    return Failed(
        code=f"database.{state}",
        message=f"The database refused the statement: {str(exc)[:300]}",
        retryable=state.startswith(_RETRYABLE_CLASSES) or state in _RETRYABLE_STATES,
        details={"sqlstate": state},
    )


def _broken(exc: Exception, *, sent: bool) -> OutboundError:
    if isinstance(exc, asyncpg.InterfaceError) and not isinstance(exc, OSError):
        return OutboundError("database.parameters", f"The driver refused the statement: {str(exc)[:300]}")
    if isinstance(exc, TimeoutError):
        message = "The statement took too long."
        return OutboundError("database.timeout", message, retryable=True, sent=sent, unhealthy=True)
    return OutboundError(
        "database.network", "The connection to the database broke.", retryable=True, sent=sent, unhealthy=True
    )
