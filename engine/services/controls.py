"""Control of executions: what is asked for is put into the inbox of the execution, whoever holds it, or nobody."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.errors import Conflict, Denied, MaestroError, NotFound
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import JsonObject
from engine.policy.gate import Resource
from engine.queue.bell import Bell
from engine.runtime.events import (
    CancelAsked,
    Event,
    PauseAsked,
    ResumeAsked,
    RetryAsked,
    SignalReceived,
    StepResolved,
    kind_of,
)
from engine.runtime.states import FINAL_EXECUTION, ExecutionStatus, StepKey, StepStatus
from engine.services.authority import Authority, Change
from engine.services.digests import state_hash
from engine.services.facts import execution_hash, execution_missing, execution_resource
from engine.services.permits import Permit
from engine.services.published import Published
from engine.services.requests import (
    BulkAction,
    BulkRequest,
    ControlRequest,
    Request,
    ResolveRequest,
    RetryRequest,
    SignalRequest,
    missing,
)
from engine.services.settling import settle
from engine.services.values import BulkResult, Refusal
from engine.services.visibility import hidden_by
from engine.store import executions as rows
from engine.store.database import Database, Transaction
from engine.store.event_codec import encode
from engine.store.executions import ExecutionConditions, ExecutionRow
from engine.store.inbox import Posting, post
from engine.store.windows import Window

BULK_LIMIT = 1_000
SIGNAL_NAME_LENGTH = 200

ALLOWED: dict[str, frozenset[ExecutionStatus]] = {
    "cancel": frozenset(ExecutionStatus) - FINAL_EXECUTION,
    "pause": frozenset({ExecutionStatus.QUEUED, ExecutionStatus.RUNNING}),
    "resume": frozenset({ExecutionStatus.PAUSED}),
    "retry": frozenset({ExecutionStatus.FAILED, ExecutionStatus.CANCELLED}),
    "signal": frozenset(ExecutionStatus) - FINAL_EXECUTION,
    "resolve": frozenset({ExecutionStatus.RUNNING, ExecutionStatus.PAUSED}),
}
"""In which states each operation makes sense; `retry` also on completed ones, from a named step only."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation on one execution.

    Attributes:
        from_step: a retry that names its step.
        reason: for the audit log.
    """

    operation: str
    event: Callable[[UUID], Event]
    from_step: bool = False
    reason: str = ""


class Controls:
    """Puts what people ask of executions into their inboxes."""

    def __init__(
        self, database: Database, authority: Authority, published: Published, bell: Bell, new_id: IdFactory
    ) -> None:
        self._database = database
        self._authority = authority
        self._published = published
        self._bell = bell
        self._new_id = new_id

    async def cancel(self, actor: Actor, execution_id: UUID, request: ControlRequest) -> ExecutionRow:
        """See `Executions.cancel`."""
        asked = Asked("cancel", lambda _: CancelAsked(actor.subject, request.reason), reason=request.reason)
        return await self._ask(actor, execution_id, request, asked)

    async def pause(self, actor: Actor, execution_id: UUID, request: ControlRequest) -> ExecutionRow:
        """See `Executions.pause`."""
        asked = Asked("pause", lambda _: PauseAsked(actor.subject), reason=request.reason)
        return await self._ask(actor, execution_id, request, asked)

    async def resume(self, actor: Actor, execution_id: UUID, request: ControlRequest) -> ExecutionRow:
        """See `Executions.resume`."""
        asked = Asked("resume", lambda _: ResumeAsked(actor.subject), reason=request.reason)
        return await self._ask(actor, execution_id, request, asked)

    async def retry(self, actor: Actor, execution_id: UUID, request: RetryRequest) -> ExecutionRow:
        """See `Executions.retry`."""
        row, permit = await self._permitted(actor, execution_id, "retry")
        request.check()
        if request.from_step_id is not None:
            await self._step_key(row, request.from_step_id, "")
        event = RetryAsked(actor.subject, request.from_step_id, request.restart_successful)
        return await self._post(permit, row, Asked("retry", lambda _: event, request.from_step_id is not None))

    async def signal(self, actor: Actor, execution_id: UUID, name: str, request: SignalRequest) -> ExecutionRow:
        """See `Executions.signal`."""
        if not 1 <= len(name) <= SIGNAL_NAME_LENGTH:
            raise NotFound("signal", name[:SIGNAL_NAME_LENGTH])
        asked = Asked("signal", lambda event_id: SignalReceived(name, request.payload, str(event_id)))
        return await self._ask(actor, execution_id, request, asked)

    async def resolve(self, actor: Actor, execution_id: UUID, step_id: str, request: ResolveRequest) -> ExecutionRow:
        """See `Executions.resolve`."""
        row, permit = await self._permitted(actor, execution_id, "resolve")
        key = await self._step_key(row, step_id, request.iteration)
        request.check()
        if request.outcome is None:
            raise missing("outcome")
        event = StepResolved(key, request.outcome.value, actor.subject, request.output, request.comment)
        asked = Asked("resolve", lambda _: event, reason=request.comment)
        _refuse_state(row, asked)
        async with self._database.transaction(actor.tenant) as connection:
            newest = await rows.find_newest_of_step(connection, actor.tenant, row.id, key.path, key.iteration)
        if newest is None or newest.status is not StepStatus.IN_DOUBT:
            raise Conflict(f"The step {step_id!r} is not in doubt.", code="step.not_in_doubt")
        return await self._post(permit, row, asked)

    async def bulk(self, actor: Actor, request: BulkRequest) -> BulkResult:
        """See `Executions.bulk`."""
        bulk = await self._authority.permit(actor, "execution.bulk", Resource("execution", None))
        request.check()
        action = request.action
        if action is None:
            raise missing("action")
        general = await self._authority.permit(actor, f"execution.{action.value}", Resource("execution", None))
        asked = _bulk_operation(actor, action, request.reason)
        wanted = request.filter
        reading = await self._authority.permit(actor, "execution.read", Resource("execution", None))
        conditions = ExecutionConditions(
            wanted.workflow_id, wanted.status, wanted.version, wanted.parent_execution_id, hidden_by(reading)
        )
        async with self._database.transaction(actor.tenant) as connection:
            window = Window(limit=BULK_LIMIT)
            matching, found = await rows.find_window(connection, actor.tenant, conditions, window)
        resources = [execution_resource(row) for row in matching]
        judged = await self._authority.judge(actor, f"execution.{asked.operation}", resources)
        refused = tuple(_refusals(matching, judged, asked))
        left_out = {refusal.execution_id for refusal in refused}
        able = [
            (row, permit)
            for row, permit in zip(matching, judged, strict=True)
            if isinstance(permit, Permit) and row.id not in left_out
        ]
        async with self._database.transaction(actor.tenant) as connection:
            await self._write(connection, able, asked)
            for permit in (bulk, general):
                await self._authority.record(connection, permit, [])
        done = tuple(row.id for row, _ in able)
        await self._bell.ring(actor.tenant, done)
        return BulkResult(done, refused, remaining=found.has_next)

    async def _ask(self, actor: Actor, execution_id: UUID, request: Request, asked: Asked) -> ExecutionRow:
        row, permit = await self._permitted(actor, execution_id, asked.operation)
        request.check()
        return await self._post(permit, row, asked)

    async def _permitted(self, actor: Actor, execution_id: UUID, operation: str) -> tuple[ExecutionRow, Permit]:
        async with self._database.transaction(actor.tenant) as connection:
            row = await rows.find(connection, actor.tenant, execution_id)
        if row is None:
            raise execution_missing(execution_id)
        return row, await self._authority.permit(actor, f"execution.{operation}", execution_resource(row))

    async def _post(self, permit: Permit, row: ExecutionRow, asked: Asked) -> ExecutionRow:
        """Put it into the inbox, and give the row as it is when it was acted on, or when waiting for that was long.

        An execution that ends in the same moment drops it: it came too late.
        """
        _refuse_state(row, asked)
        async with self._database.transaction(row.tenant) as connection:
            (event_id,) = await self._write(connection, [(row, permit)], asked)
        await self._bell.ring(row.tenant, [row.id])
        await settle(self._database, row.tenant, row.id, event_id)
        async with self._database.transaction(row.tenant) as connection:
            return await rows.find(connection, row.tenant, row.id) or row

    async def _write(
        self, connection: Transaction, targets: Sequence[tuple[ExecutionRow, Permit]], asked: Asked
    ) -> list[UUID]:
        """Returns the ids of the events, in the order of the targets."""
        postings: list[Posting] = []
        done: list[tuple[Permit, Change, UUID]] = []
        for row, permit in targets:
            event_id = self._new_id()
            event = asked.event(event_id)
            postings.append(Posting(row.tenant, row.id, event_id, event))
            after = state_hash({"kind": kind_of(event), "event": encode(event)})
            reason: JsonObject | None = {"reason": asked.reason} if asked.reason else None
            done.append((permit, Change("execution", str(row.id), execution_hash(row), after, reason), row.id))
        await post(connection, postings)
        await self._authority.record_each(connection, done)
        return [posting.id for posting in postings]

    async def _step_key(self, row: ExecutionRow, step_id: str, iteration: str) -> StepKey:
        """Key of a step by its path, or its id where only one step has it, in the execution's version.

        Raises:
            NotFound: the version has no such step.
        """
        runnable = await self._published.version(row.tenant, row.workflow_id, row.workflow_version)
        if step_id in runnable.plan.by_path:
            return StepKey(step_id, iteration)
        nodes = runnable.plan.by_id.get(step_id, ())
        if len(nodes) != 1:
            raise NotFound("step", step_id)
        return StepKey(nodes[0].path, iteration)


def _refuse_state(row: ExecutionRow, asked: Asked) -> None:
    status = ExecutionStatus(row.status)
    again = asked.operation == "retry" and asked.from_step and status is ExecutionStatus.COMPLETED
    if status in ALLOWED[asked.operation] or again:
        return
    hint = " without naming a step" if asked.operation == "retry" and status is ExecutionStatus.COMPLETED else ""
    raise Conflict(
        f"An execution that is {status.value} does not take {asked.operation!r}{hint}.",
        code=f"execution.not_{asked.operation}able",
        facts={"executionStatus": status.value},
    )


def _refusals(matching: Sequence[ExecutionRow], judged: Sequence[Permit | Denied], asked: Asked) -> Iterator[Refusal]:
    """Who is left out: policy is asked before the state."""
    for row, permit in zip(matching, judged, strict=True):
        try:
            if isinstance(permit, Denied):
                raise permit
            _refuse_state(row, asked)
        except MaestroError as error:
            yield Refusal(row.id, error.code, error.message)


def _bulk_operation(actor: Actor, action: BulkAction, reason: str) -> Asked:
    events: dict[BulkAction, Event] = {
        BulkAction.CANCEL: CancelAsked(actor.subject, reason),
        BulkAction.PAUSE: PauseAsked(actor.subject),
        BulkAction.RESUME: ResumeAsked(actor.subject),
        BulkAction.RETRY: RetryAsked(actor.subject),
    }
    return Asked(action.value, lambda _: events[action], reason=reason)
