"""Translation of driver errors: nothing above the store sees an exception of SQLAlchemy or asyncpg."""

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.errors import Conflict, MaestroError, Unavailable
from engine.telemetry.metrics import DATABASE_FAILURES

DEPENDENCY = "postgresql"
SERIALISATION_STATES = frozenset({"40001", "40P01"})
"""Serialisation failure and deadlock: the whole transaction may be repeated."""
TIMED_OUT_STATES = frozenset({"57014", "55P03", "25P03"})
SHUTDOWN_STATES = frozenset({"57P01", "57P02", "57P03"})
_UNFORESEEN = "unforeseen"


class ConstraintViolated(Conflict):
    """A constraint of the database refused a row: another caller was faster, or the row breaks a rule.

    Attributes:
        constraint: its name, for the caller within the engine; never part of an answer.
    """

    code = "store.constraint"

    def __init__(self, constraint: str) -> None:
        super().__init__("The change contradicts what is stored.", code=self.code)
        self.constraint = constraint


class TransactionRaced(Unavailable):
    """A serialisation failure or deadlock; nothing was written, the whole transaction may be repeated."""

    code = "store.raced"

    def __init__(self) -> None:
        super().__init__(DEPENDENCY, "The change collided with another one; try again.", code=self.code)


_FAILURES = {
    code: DATABASE_FAILURES.labels(code)
    for code in (Unavailable.code, TransactionRaced.code, ConstraintViolated.code, _UNFORESEEN)
}


def sqlstate_of(error: BaseException) -> str | None:
    """SQLSTATE of a driver error, however it is wrapped; None where the server sent none."""
    for candidate in _chain(error):
        state = getattr(candidate, "sqlstate", None)
        if isinstance(state, str):
            return state
    return None


def translate(error: Exception) -> MaestroError | None:
    """The family's error for a driver error; None: not one of the driver's, or a defect of ours."""
    if isinstance(error, MaestroError):
        return error
    state = sqlstate_of(error)
    if state in SERIALISATION_STATES:
        return TransactionRaced()
    if state is not None and state.startswith("23"):
        return ConstraintViolated(_constraint_of(error))
    if state in TIMED_OUT_STATES:
        return Unavailable(DEPENDENCY, "The database took too long.")
    if _is_connection_trouble(error, state):
        return Unavailable(DEPENDENCY, "The database does not answer.")
    return None


def failed(error: Exception) -> Exception:
    """The error to go on with after a driver error at the edge: the family's where there is one. Counts it."""
    meant = translate(error)
    _FAILURES[_UNFORESEEN if meant is None else meant.code].inc()
    return meant or error


def _is_connection_trouble(error: Exception, state: str | None) -> bool:
    if state is not None:
        return state.startswith(("08", "53")) or state in SHUTDOWN_STATES
    if isinstance(
        error, PoolTimeoutError | OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError
    ):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _constraint_of(error: BaseException) -> str:
    for candidate in _chain(error):
        name = getattr(candidate, "constraint_name", None)
        if isinstance(name, str):
            return name
    return ""


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        original = current.orig if isinstance(current, DBAPIError) else None
        current = original or current.__cause__
    return found


DriverError = (
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What the edge catches. The driver's internal error is what a connection answers that a dying server left in the
middle of a statement."""
