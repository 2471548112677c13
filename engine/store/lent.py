"""Attempts that a holder lends to other workers: offered, taken, settled through the inbox, or taken back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from engine.definitions.model import Delivery
from engine.jsonvalue import dumps, loads
from engine.runtime.effects import RunAction
from engine.runtime.events import ActionFailed, ActionSucceeded, kind_of
from engine.runtime.states import StepKey
from engine.store.claims import ExecutionRef
from engine.store.event_codec import encode
from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("lent")


class LentId(NamedTuple):
    """One attempt at a time may be lent of a step instance; the epoch tells under which holder."""

    tenant: str
    execution_id: UUID
    key: StepKey
    epoch: int

    @property
    def row(self) -> tuple[str, UUID, str, str, int]:
        """Its columns."""
        return (self.tenant, self.execution_id, self.key.path, self.key.iteration, self.epoch)


@dataclass(frozen=True, slots=True)
class Borrowed:
    """An attempt that this worker makes for another one."""

    id: LentId
    run: RunAction
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of a borrowed attempt; `mail_id` is the row that it becomes."""

    id: LentId
    mail_id: UUID
    outcome: ActionSucceeded | ActionFailed


class Creditor(NamedTuple):
    """Whom to tell that there is mail."""

    ref: ExecutionRef
    lender: UUID


async def peers(connection: HotConnection, worker_id: UUID) -> tuple[UUID, ...]:
    """Other workers that live."""
    return tuple(row["id"] for row in await connection.fetch(_SQL["peers"], worker_id))


async def offer(connection: HotConnection, lender: UUID, offers: Sequence[tuple[LentId, RunAction]]) -> None:
    """Offer attempts whose intent is durable. Of an execution that is no longer the lender's nothing is written."""
    tenants, ids, paths, iterations, epochs = _columns(found.row for found, _ in offers)
    runs = [run for _, run in offers]
    await connection.fetch(
        _SQL["offer"],
        tenants,
        ids,
        paths,
        iterations,
        [run.generation for run in runs],
        [run.attempt for run in runs],
        epochs,
        [run.action_type for run in runs],
        lender,
        [_payload(run) for run in runs],
    )


async def take(
    connection: HotConnection, worker_id: UUID, refs: Sequence[ExecutionRef], action_types: Sequence[str], limit: int
) -> tuple[Borrowed, ...]:
    """Take up to `limit` attempts that these executions' holders offer, of actions that the worker knows."""
    tenants, ids = [ref.tenant for ref in refs], [ref.id for ref in refs]
    rows = await connection.fetch(_SQL["take"], tenants, ids, worker_id, list(action_types), limit)
    return tuple(Borrowed(_id(row), _run(row), row["traceparent"]) for row in rows)


async def give_back(connection: HotConnection, worker_id: UUID, known: Iterable[LentId]) -> int:
    """Offer again what the worker has taken and does not know of: an answer was lost. Returns how much it was."""
    columns = [list(column) for column in zip(*((k.execution_id, *k.key) for k in known), strict=True)] or [[], [], []]
    return len(await connection.fetch(_SQL["give_back"], worker_id, *columns))


async def take_back(connection: HotConnection, lender: UUID, limit: int, patience_s: float) -> tuple[LentId, ...]:
    """Take back what dead workers had taken, and of what nobody has taken all that is older, or `limit` of it.

    They are the lender's to make from here on.
    """
    return tuple(_id(row) for row in await connection.fetch(_SQL["take_back"], lender, limit, patience_s))


async def withdraw(connection: HotConnection, lender: UUID, ids: Sequence[LentId]) -> None:
    """Outcomes of these no longer count."""
    await connection.fetch(_SQL["withdraw"], *_columns(found.row for found in ids), lender)


async def settle(connection: HotConnection, worker_id: UUID, settlements: Sequence[Settlement]) -> tuple[Creditor, ...]:
    """Post outcomes to their executions. What was taken back, or lent by one who holds no longer, changes nothing.

    A repeat after a lost answer is harmless: the attempt is gone by then. Returns whom to tell.
    """
    rows = await connection.fetch(
        _SQL["settle"],
        *_columns(found.id.row for found in settlements),
        [found.mail_id for found in settlements],
        [kind_of(found.outcome) for found in settlements],
        [dumps(encode(found.outcome)) for found in settlements],
        worker_id,
    )
    return tuple(Creditor(ExecutionRef(row["tenant_id"], row["execution_id"]), row["lender"]) for row in rows)


async def borrowed(connection: HotConnection, worker_id: UUID) -> frozenset[tuple[UUID, StepKey, int]]:
    """Execution, step and epoch of what the worker has taken and still may bring an outcome for."""
    rows = await connection.fetch(_SQL["borrowed"], worker_id)
    return frozenset(
        (row["execution_id"], StepKey(row["step_path"], row["iteration"]), row["lease_epoch"]) for row in rows
    )


async def forget(connection: HotConnection) -> int:
    """Remove what holders left that hold no longer. Returns how many."""
    return len(await connection.fetch(_SQL["forget"]))


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _id(row: Any) -> LentId:
    key = StepKey(row["step_path"], row["iteration"])
    return LentId(row["tenant_id"], row["execution_id"], key, row["lease_epoch"])


def _payload(run: RunAction) -> str:
    return dumps(
        {"config": run.config, "input": run.input, "idempotencyKey": run.idempotency_key, "timeoutMs": run.timeout_ms}
    )


def _run(row: Any) -> RunAction:
    payload: Any = loads(row["payload"])
    return RunAction(
        key=StepKey(row["step_path"], row["iteration"]),
        generation=row["generation"],
        attempt=row["attempt"],
        action_type=row["action_type"],
        config=payload["config"],
        input=payload["input"],
        idempotency_key=payload["idempotencyKey"],
        delivery=Delivery.EFFECTIVELY_ONCE,
        timeout_ms=payload["timeoutMs"],
    )
