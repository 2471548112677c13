"""Running one statement in one transaction, and recording its effect beside it."""

import hashlib
from dataclasses import dataclass
from typing import Final

import asyncpg

from engine.actions.database_values import from_column, to_parameter
from engine.actions.outbound.errors import OutboundError
from engine.jsonvalue import Json, JsonObject, dumps

MAX_OUTPUT_BYTES: Final = 10 * 1024 * 1024
_FETCHED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Statement:
    """What a step asks of a database."""

    text: str
    parameters: tuple[Json, ...]
    is_write: bool
    max_rows: int
    timeout_ms: int

    @property
    def fingerprint(self) -> bytes:
        """Tells apart statements that a key might wrongly share."""
        return hashlib.sha256(dumps([self.text, list(self.parameters)]).encode()).digest()


@dataclass(slots=True)
class Progress:
    """How far a transaction has come. Before its commit began, a broken connection means that nothing happened."""

    committing: bool = False


async def run_once(
    connection: asyncpg.Connection, statement: Statement, key: str, record_table: str | None, progress: Progress
) -> JsonObject:
    """Run the statement in a transaction of its own; with a record table, at most once for each key, ever.

    The record is written in the statement's transaction, so both are there or neither. A second attempt waits for the
    first one's commit and then gets the recorded output.

    Raises:
        asyncpg.PostgresError: the database refused; nothing has happened.
        OutboundError: the output is too large, or the key was used for another statement; nothing has happened.
    """
    transaction = connection.transaction(readonly=not statement.is_write)
    await transaction.start()
    try:
        await connection.execute(
            "select set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true)",
            str(statement.timeout_ms),
        )
        if statement.is_write and record_table is not None:
            output = await _recorded(connection, statement, key, quoted(record_table))
        else:
            output = await _execute(connection, statement)
    except BaseException:
        await _roll_back(connection, transaction)
        raise
    progress.committing = True
    await transaction.commit()
    return output


async def make_record_table(connection: asyncpg.Connection, record_table: str) -> None:
    """Make the table of recorded effects where it is missing; safe for several at once.

    Raises:
        asyncpg.PostgresError: the role of the connection may not.
    """
    try:
        await connection.execute(
            f"create table if not exists {quoted(record_table)} (key text primary key, fingerprint bytea not null,"
            " output json, recorded_at timestamptz not null default now())"
        )
    except (asyncpg.UniqueViolationError, asyncpg.DuplicateTableError, asyncpg.DuplicateObjectError):
        return  # another attempt has just made it


def quoted(name: str) -> str:
    """A table's name, with its schema where it has one, as an identifier in SQL."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split(".", 1))


async def _recorded(connection: asyncpg.Connection, statement: Statement, key: str, table: str) -> JsonObject:
    mine = await connection.fetchval(
        f"insert into {table} (key, fingerprint) values ($1, $2) on conflict (key) do nothing returning key",  # noqa: S608 - `quoted`
        key,
        statement.fingerprint,
    )
    if mine is None:
        recorded = await connection.fetchrow(f"select fingerprint, output from {table} where key = $1", key)  # noqa: S608 - `quoted`
        if recorded is None or recorded["fingerprint"] != statement.fingerprint:
            raise OutboundError("database.key_reused", "The step's key was recorded for another statement.")
        output: JsonObject = recorded["output"]
        return output
    output = await _execute(connection, statement)
    await connection.execute(f"update {table} set output = $2 where key = $1", key, output)  # noqa: S608 - `quoted`
    return output


async def _execute(connection: asyncpg.Connection, statement: Statement) -> JsonObject:
    prepared = await connection.prepare(statement.text)
    types = prepared.get_parameters()
    if len(types) != len(statement.parameters):
        raise OutboundError(
            "database.parameters",
            f"The statement takes {len(types)} parameters; {len(statement.parameters)} are given.",
        )
    given = [
        to_parameter(value, kind.name, position)
        for position, (value, kind) in enumerate(zip(statement.parameters, types, strict=True), 1)
    ]
    if not prepared.get_attributes():
        await prepared.fetch(*given)
        return {"rows": [], "rowCount": _count(prepared.get_statusmsg()), "truncated": False}
    return await _rows(prepared, given, statement.max_rows)


async def _rows(prepared: asyncpg.prepared_stmt.PreparedStatement, given: list[object], max_rows: int) -> JsonObject:
    rows: list[Json] = []
    size = 0
    cursor = await prepared.cursor(*given)
    while len(rows) <= max_rows:
        fetched = await cursor.fetch(min(_FETCHED_AT_ONCE, max_rows + 1 - len(rows)))
        for record in fetched:
            row = from_column(record)
            size += len(dumps(row))
            if size > MAX_OUTPUT_BYTES:
                raise OutboundError(
                    "database.too_large", f"The rows are larger than {MAX_OUTPUT_BYTES // 2**20} MiB together."
                )
            rows.append(row)
        if not fetched:
            break
    truncated = len(rows) > max_rows
    return {"rows": rows[:max_rows], "rowCount": min(len(rows), max_rows), "truncated": truncated}


async def _roll_back(connection: asyncpg.Connection, transaction: asyncpg.transaction.Transaction) -> None:
    """Roll back unless the connection is gone, which rolls back by itself."""
    if connection.is_closed():
        return
    try:
        await transaction.rollback()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection.terminate()


def _count(status: str | None) -> int:
    """Rows that a command touched, as its tag says (`INSERT 0 5`, `UPDATE 3`); 0 where it says nothing."""
    last = (status or "").rpartition(" ")[2]
    return int(last) if last.isdecimal() else 0
