"""Asks the gate, and writes down what was decided and done.

The order of every use case: the thing exists within the tenant (404), policy allows (403), the body is right (422).
Permission is asked outside of transactions: an evaluator may be another process. Its record is written with the change.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from types import MappingProxyType
from uuid import UUID

from engine.errors import Denial, Denied
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import Json, JsonObject
from engine.policy.gate import READ_ACTIONS, Decision, Gate, Resource
from engine.services.decision_journal import DecisionJournal
from engine.services.permits import NO_FACTS, Permit, decision_entry
from engine.store.database import Database, Transaction, on_commit
from engine.store.governance import AuditEntry, DecisionEntry, record_audit, record_decisions

JUDGED_AT_ONCE = 50
"""Decisions between which others get the loop: an embedded one takes it for a fraction of a millisecond."""
PREVIEWED: Mapping[str, Json] = MappingProxyType({"preview": True})
CostlyFact = Callable[[], Awaitable[Json]]
"""Finds out a fact of a resource that is only wanted where decisions rest on it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """How decisions are asked for and kept.

    Attributes:
        needs: whether decisions may rest on a costly fact.
        announces: whether each decision also goes to the outbox, for a log outside.
    """

    needs: Callable[[str], bool] = lambda _fact: False
    announces: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a permitted call has changed, for the audit log.

    Attributes:
        before_hash: of the state before; None: there was none.
        after_hash: of the state after; None: there is none.
    """

    resource_type: str
    resource_id: str
    before_hash: str | None
    after_hash: str | None
    details: JsonObject | None = None


class Authority:
    """The services' way to the gate and to the audit log."""

    def __init__(
        self,
        gate: Gate,
        database: Database,
        new_id: IdFactory,
        journal: DecisionJournal,
        recording: Recording = Recording(),
    ) -> None:
        self._gate = gate
        self._journal = journal
        self._database = database
        self._new_id = new_id
        self._recording = recording

    async def permit(
        self, actor: Actor, action: str, resource: Resource, context: Mapping[str, Json] = NO_FACTS
    ) -> Permit:
        """Ask for permission.

        A refusal stands in the decision log when this raises; what is allowed is written with its change, or by the
        journal.

        Raises:
            Denied: with all reasons.
            Unavailable: no decision could be had.
        """
        try:
            decision = await self._gate.authorise(actor, action, resource, context)
        except Denied as denied:
            decision = Decision(denied.decision_id, denied.policy_revision, (), denied.denials)
            await self._log([Permit(actor, action, resource, decision, context)], "enforce")
            raise
        permit = Permit(actor, action, resource, decision, context)
        if action not in READ_ACTIONS:
            self._journal.expect(permit)
        elif decision.denials:
            # Nothing is written with a read, so what report mode let pass is written down here.
            await self._log([permit], "report")
        else:
            self._journal.note(permit)
        return permit

    async def judge(self, actor: Actor, action: str, resources: Sequence[Resource]) -> list[Permit | Denied]:
        """Ask for permission for each of many; what is refused stands in the decision log when this returns.

        Raises:
            Unavailable: no decision could be had for one of them.
        """
        found: list[Permit | Denied] = []
        refused: list[Permit] = []
        for number, resource in enumerate(resources, 1):
            try:
                decision = await self._gate.authorise(actor, action, resource)
            except Denied as denied:
                decision = Decision(denied.decision_id, denied.policy_revision, (), denied.denials)
                refused.append(Permit(actor, action, resource, decision))
                found.append(denied)
            else:
                permit = Permit(actor, action, resource, decision)
                self._journal.expect(permit)
                found.append(permit)
            if not number % JUDGED_AT_ONCE:
                await asyncio.sleep(0)
        await self._log(refused, "enforce")
        return found

    async def refuse(self, permit: Permit, denials: tuple[Denial, ...]) -> None:
        """Write down a refusal that came after permission, from a rule that policy does not decide."""
        await self._log([replace(permit, decision=replace(permit.decision, denials=denials))], "enforce")
        self._journal.settling(permit)()

    async def preview(self, actor: Actor, action: str, resource: Resource) -> Decision:
        """What would be decided; it stands in the decision log as a preview, and nothing is enforced.

        Raises:
            Unavailable: no decision could be had.
        """
        try:
            decision = await self._gate.authorise(actor, action, resource, PREVIEWED)
        except Denied as denied:
            decision = Decision(denied.decision_id, denied.policy_revision, (), denied.denials)
        await self._log([Permit(actor, action, resource, decision, PREVIEWED)], "report")
        return decision

    async def with_facts(self, resource: Resource, costly: Mapping[str, CostlyFact]) -> Resource:
        """The resource with those of its costly facts that decisions may rest on."""
        needed = {name: await find() for name, find in costly.items() if self._recording.needs(name)}
        return Resource(resource.type, resource.id, {**resource.properties, **needed}) if needed else resource

    async def record(
        self, connection: Transaction, permit: Permit, changes: Sequence[Change], execution_id: UUID | None = None
    ) -> None:
        """Write the decision and one audit row for each change, in the transaction of the changes."""
        await self._record(connection, [decision_entry(permit, execution_id)], [permit])
        await record_audit(connection, [self._audit(permit, change) for change in changes])

    async def record_each(self, connection: Transaction, done: Sequence[tuple[Permit, Change, UUID]]) -> None:
        """Write decisions with the one change and the execution of each, in the transaction of the changes."""
        entries = [decision_entry(permit, execution_id) for permit, _, execution_id in done]
        await self._record(connection, entries, [permit for permit, _, _ in done])
        await record_audit(connection, [self._audit(permit, change) for permit, change, _ in done])

    async def _record(
        self, connection: Transaction, entries: Sequence[DecisionEntry], permits: Sequence[Permit]
    ) -> None:
        await record_decisions(connection, entries, announce=self._recording.announces)
        for permit in permits:
            on_commit(connection, self._journal.settling(permit))

    def settled(self, permit: Permit) -> None:
        """The decision was written with what it allowed, by the statement that accepts executions."""
        self._journal.settling(permit)()

    def accounted(self) -> AbstractAsyncContextManager[None]:
        """One call: what is permitted in it and comes to nothing is written down in its end."""
        return self._journal.call()

    def came_to_nothing(self, permit: Permit) -> None:
        """Write down a permission that nothing came of, outside of a call from outside."""
        self._journal.note(permit)

    def _audit(self, permit: Permit, change: Change) -> AuditEntry:
        actor = permit.actor
        return AuditEntry(
            tenant=actor.tenant,
            id=self._new_id(),
            actor=actor.subject,
            action=permit.action,
            resource_type=change.resource_type,
            resource_id=change.resource_id,
            before_hash=change.before_hash,
            after_hash=change.after_hash,
            decision_id=permit.decision_id,
            request_id=actor.request_id,
            source=actor.source,
            details=change.details,
        )

    async def _log(self, permits: Sequence[Permit], mode: str) -> None:
        if not permits:
            return
        async with self._database.transaction(permits[0].actor.tenant) as connection:
            entries = [decision_entry(permit, None, mode) for permit in permits]
            await record_decisions(connection, entries, announce=self._recording.announces)
