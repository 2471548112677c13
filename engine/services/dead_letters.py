"""Use cases of dead letters: list, inspect, redrive."""

from collections.abc import Sequence
from uuid import UUID

from engine.errors import Conflict, NotFound
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import JsonObject
from engine.policy.gate import Resource
from engine.queue.bell import Bell
from engine.runtime.events import RetryAsked
from engine.runtime.states import ExecutionStatus
from engine.services.authority import Authority, Change
from engine.services.dead_letter_values import (
    DeadLetter,
    DeadLetterContent,
    DeadLetterFilter,
    DeadLetterKind,
    DeadLetterStatus,
)
from engine.services.digests import state_hash
from engine.services.facts import dead_letter_resource
from engine.services.pages import Listing
from engine.services.requests import ControlRequest
from engine.services.values import PageRequest, Slice
from engine.services.visibility import hidden_by
from engine.store import dead_letters as rows
from engine.store import executions
from engine.store.database import Database, Transaction
from engine.store.dead_letters import DeadLetterConditions, DeadLetterRow
from engine.store.inbox import Posting, post
from engine.store.visibility import Hidden, find_belonging_of_execution

READ = "dead_letter.read"
REDRIVE = "dead_letter.redrive"


class DeadLetters:
    """What operators do with work that was given up. Every method acts within the actor's tenant.

    All raise `NotFound` for what is not in the tenant, `Denied` where policy refuses, and `Unavailable`.
    """

    def __init__(self, database: Database, authority: Authority, bell: Bell, new_id: IdFactory) -> None:
        self._database = database
        self._authority = authority
        self._bell = bell
        self._new_id = new_id

    async def list(self, actor: Actor, wanted: DeadLetterFilter, page: PageRequest) -> Slice[DeadLetter]:
        """Dead letters, newest first, without what they hold.

        Raises:
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        hidden = hidden_by(await self._authority.permit(actor, READ, Resource("dead_letter", None)))
        listing = Listing("dead_letters", wanted)
        conditions = DeadLetterConditions(wanted.status, wanted.kind, wanted.execution_id, hidden)
        async with self._database.transaction(actor.tenant) as connection:
            found_rows, found = await rows.find_window(connection, actor.tenant, conditions, listing.window(page))
            total = await rows.count_all(connection, actor.tenant, conditions) if page.count else None
        return listing.slice([_letter_of(row) for row in found_rows], [row.id for row in found_rows], found, total)

    async def get(self, actor: Actor, letter_id: UUID) -> DeadLetter:
        """One dead letter with its cause, its payload and its whole history."""
        row, resource = await self._found(actor, letter_id)
        await self._authority.permit(actor, READ, resource)
        contents = await self._contents(actor, [letter_id])
        return _letter_of(row, contents.get(letter_id))

    async def contents_of(self, actor: Actor, letter_ids: Sequence[UUID]) -> dict[UUID, DeadLetterContent]:
        """What several dead letters hold, in one query; nothing for those that the actor may not see."""
        hidden = hidden_by(await self._authority.permit(actor, READ, Resource("dead_letter", None)))
        return await self._contents(actor, letter_ids, hidden)

    async def redrive(self, actor: Actor, letter_id: UUID, request: ControlRequest) -> DeadLetter:
        """Give it another chance: the execution is retried, the message rung for again, the parcel sent again.

        A letter is redriven once; what fails again is buried again, as a new one.

        Raises:
            Conflict: it was redriven already (`dead_letter.redriven`), its execution has gone on since
                (`execution.not_retryable`), or nobody can tell what it was about (`dead_letter.not_redrivable`).
        """
        row, resource = await self._found(actor, letter_id)
        permit = await self._authority.permit(actor, REDRIVE, resource)
        request.check()
        async with self._database.transaction(actor.tenant) as connection:
            closed = await rows.close(connection, actor.tenant, letter_id, actor.subject)
            if closed is None:
                raise Conflict("The dead letter was redriven already.", code="dead_letter.redriven")
            await self._put_back(connection, actor, closed)
            details: JsonObject | None = {"reason": request.reason} if request.reason else None
            change = Change("dead_letter", str(letter_id), _hash(row), _hash(closed), details)
            await self._authority.record(connection, permit, [change], closed.execution_id)
            contents = await rows.find_contents(connection, actor.tenant, [letter_id])
        if closed.execution_id is not None:
            await self._bell.ring(actor.tenant, [closed.execution_id])
        return _letter_of(closed, _content_of(contents[letter_id]))

    async def _put_back(self, connection: Transaction, actor: Actor, letter: DeadLetterRow) -> None:
        """What redriving a letter writes; a message about an execution needs no more than its ring."""
        kind = DeadLetterKind(letter.kind)
        if kind is DeadLetterKind.OUTBOX:
            await rows.send_again(connection, letter, self._new_id())
            return
        if letter.execution_id is None or kind is DeadLetterKind.CALLBACK:
            raise Conflict("Nobody can tell what it was about.", code="dead_letter.not_redrivable")
        execution = await executions.find(connection, letter.tenant, letter.execution_id)
        if execution is None:
            raise Conflict("Its execution is not kept any more.", code="dead_letter.not_redrivable")
        if kind is DeadLetterKind.MESSAGE:
            return
        if execution.status != ExecutionStatus.FAILED:
            raise Conflict(
                f"Its execution has gone on since: it is {execution.status}.",
                code="execution.not_retryable",
                facts={"executionStatus": execution.status},
            )
        await post(connection, [Posting(letter.tenant, execution.id, self._new_id(), RetryAsked(actor.subject))])

    async def _found(self, actor: Actor, letter_id: UUID) -> tuple[DeadLetterRow, Resource]:
        async with self._database.transaction(actor.tenant) as connection:
            row = await rows.find(connection, actor.tenant, letter_id)
            if row is None:
                raise NotFound("dead letter", str(letter_id))
            belonging = await find_belonging_of_execution(connection, actor.tenant, row.execution_id)
        return row, dead_letter_resource(row, belonging)

    async def _contents(
        self, actor: Actor, letter_ids: Sequence[UUID], hidden: Hidden | None = None
    ) -> dict[UUID, DeadLetterContent]:
        async with self._database.transaction(actor.tenant) as connection:
            found = await rows.find_contents(connection, actor.tenant, letter_ids, hidden)
        return {letter_id: _content_of(held) for letter_id, held in found.items()}


def _content_of(held: rows.DeadLetterContent) -> DeadLetterContent:
    return DeadLetterContent(held.payload, held.history)


def _hash(row: DeadLetterRow) -> str:
    return state_hash({"status": row.status, "redrivenBy": row.redriven_by})


def _letter_of(row: DeadLetterRow, content: DeadLetterContent | None = None) -> DeadLetter:
    return DeadLetter(
        id=row.id,
        kind=DeadLetterKind(row.kind),
        subject=row.subject,
        execution_id=row.execution_id,
        step_id=row.step_path,
        code=row.cause_code,
        message=row.cause_message,
        deliveries=row.deliveries,
        status=DeadLetterStatus(row.status),
        created_at=row.created_at,
        redriven_at=row.redriven_at,
        redriven_by=row.redriven_by,
        content=content,
    )
