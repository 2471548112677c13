"""Starting executions: everything that makes one comes through here."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from engine.clock import Clock
from engine.errors import Conflict, Denied, Fault, MaestroError, NotFound, Overloaded, RateLimited, ValidationFailed
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import Json, JsonObject, dumps
from engine.policy.gate import Resource
from engine.policy.needs import UNFINISHED_EXECUTIONS
from engine.runtime.states import ExecutionStatus
from engine.services.authority import Authority
from engine.services.digests import fingerprint, state_hash
from engine.services.facts import workflow_resource
from engine.services.front import Front
from engine.services.keys import KEPT, check_match, scope_of
from engine.services.permits import Permit, decision_entry
from engine.services.published import Published, Runnable
from engine.services.requests import ExecuteRequest
from engine.store.acceptance import Acceptance, Candidate
from engine.store.database import Database, Transaction
from engine.store.executions import ExecutionRow, count_unfinished
from engine.store.governance import KeyScope, find_key, forget_key
from engine.store.webhook_deliveries import Arrival, Delivery, find_message
from engine.store.workflows import WorkflowRow
from engine.telemetry.tracing import carried, context_of, span

EXECUTE = "workflow.execute"
TRIGGER_DATA_LIMIT = 4 << 20
"""Bytes of trigger data. The doors take smaller bodies; this holds for whatever comes another way."""
LOOKS = 5
"""How often facts are read anew when the workflow changes under the call."""


@dataclass(frozen=True, slots=True)
class Start:
    """One call that wants an execution.

    Attributes:
        body: what the idempotency key stands for.
        scope: None: the caller gave no key.
        arrival: of a webhook.
    """

    actor: Actor
    workflow_id: UUID
    request: ExecuteRequest
    trigger_type: str
    body: JsonObject
    scope: KeyScope | None
    arrival: Arrival | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """An execution that is there.

    Attributes:
        fresh: the execution as this call has written it; None: an earlier call with the same key, or an earlier
            delivery of the same message, has started it.
    """

    execution_id: UUID
    fresh: ExecutionRow | None


class Starts:
    """Accepts executions, in groups, with their keys, audit rows and decisions."""

    def __init__(  # noqa: PLR0913, PLR0917 - its collaborators, each a different one
        self,
        database: Database,
        acceptance: Acceptance,
        authority: Authority,
        published: Published,
        clock: Clock,
        new_id: IdFactory,
        front: Front,
    ) -> None:
        self._front = front
        self._database = database
        self._acceptance = acceptance
        self._authority = authority
        self._published = published
        self._clock = clock
        self._new_id = new_id

    async def start(
        self,
        actor: Actor,
        workflow_id: UUID,
        request: ExecuteRequest,
        *,
        idempotency_key: str | None = None,
        trigger_type: str = "manual",
        arrival: Arrival | None = None,
    ) -> Started:
        """Start an execution of a published version; durable when this returns. An `arrival` is written with it.

        Raises:
            NotFound: no such workflow in the tenant, or no such version of it (`version.not_found`).
            Denied: policy refuses.
            ValidationFailed: the body has faults, or the trigger data breaks the version's `inputSchema`.
            Conflict: never published, archived or inactive; or the message of the arrival came before with another body
                (`webhook.message_reused`).
            IdempotencyMismatch: the key was used with another body.
            RateLimited: over a budget of the tenant's class of service.
            Overloaded: there is more to do than can be kept up with.
        """
        route = f"{EXECUTE}:{workflow_id}"
        scope = None if idempotency_key is None else scope_of(actor, route, idempotency_key)
        start = Start(actor, workflow_id, request, trigger_type, _body(request), scope, arrival)
        async with self._authority.accounted():
            for _ in range(LOOKS):
                row = await self._published.workflow(actor.tenant, workflow_id)
                started = await self._attempt(start, row)
                if started is not None:
                    return started
                self._published.forget(actor.tenant, workflow_id)
        raise Conflict("The workflow is being changed all the time.", code="workflow.contended")

    async def prepare(
        self, actor: Actor, workflow_id: UUID, request: ExecuteRequest, *, trigger_type: str
    ) -> Candidate:
        """An execution that may start, for `accept_within`, in a transaction of the caller's.

        The workflow's facts may be a while old (see `forget`); the statement that accepts it confirms them. Errors as
        for `start`, and as old as the facts.
        """
        start = Start(actor, workflow_id, request, trigger_type, _body(request), None)
        with span("prepare execution", parent=context_of(actor.traceparent)):
            row = await self._published.workflow(actor.tenant, workflow_id)
            permit = await self._authority.permit(actor, EXECUTE, workflow_resource(row))
            try:
                return self._candidate(start, row, await self._checked(start, row), permit)
            except (Conflict, NotFound, ValidationFailed):
                self._authority.came_to_nothing(permit)
                raise

    async def accept_within(self, connection: Transaction, candidates: Sequence[Candidate]) -> bool:
        """Accept what was prepared in a transaction of the caller's, who rings after commit.

        Returns:
            False: a workflow has changed since; the caller must not commit.
        """
        if not candidates:
            return True
        verdicts = await self._acceptance.accept_within(connection, candidates)
        return all(verdict.created_at is not None for verdict in verdicts.values())

    def forget(self, tenant: str, workflow_id: UUID) -> None:
        """Read the facts of a workflow anew the next time."""
        self._published.forget(tenant, workflow_id)

    async def _attempt(self, start: Start, row: WorkflowRow) -> Started | None:
        """Start on the facts of `row`; None: they are out of date, nothing was written."""
        seen = {"triggerType": start.trigger_type, "triggerData": _judged(start.request.trigger_data)}
        try:
            permit = await self._authority.permit(start.actor, EXECUTE, await self._resource(start, row), seen)
        except Denied:
            if await self._is_current(row):
                raise
            return None
        if await self._front.was_seen(start.scope) and (repeated := await self._earlier(start)) is not None:
            return repeated
        try:
            checked = await self._checked(start, row)
            self._front.admit(start.actor.tenant, start.trigger_type, checked[0])
        except (Conflict, NotFound, ValidationFailed, RateLimited, Overloaded) as refusal:
            return await self._instead(start, row, refusal)
        return await self._accepted(start, self._candidate(start, row, checked, permit), permit)

    async def _instead(self, start: Start, row: WorkflowRow, refusal: MaestroError) -> Started | None:
        """What an earlier call has started, where this one is refused; None: on facts that are out of date."""
        if not isinstance(refusal, RateLimited | Overloaded) and not await self._is_current(row):
            return None
        earlier = await self._earlier(start)
        if earlier is None:
            raise refusal
        return earlier

    async def _accepted(self, start: Start, candidate: Candidate, permit: Permit) -> Started | None:
        verdict = await self._acceptance.accept(candidate)
        if not verdict.alive:
            return None
        if verdict.created_at is not None:
            self._authority.settled(permit)
            return Started(candidate.id, _fresh(start, candidate, verdict.created_at))
        return await self._earlier(start)

    async def _resource(self, start: Start, row: WorkflowRow) -> Resource:
        """The workflow as policy sees it, with what the version that would run is made of."""
        contents: JsonObject = {}
        version = start.request.version or row.latest_version
        if version is not None:
            with suppress(NotFound):  # said once policy has been asked
                contents = (await self._published.version(row.tenant, row.id, version)).contents
        resource = workflow_resource(row, contents)
        return await self._authority.with_facts(
            resource, {UNFINISHED_EXECUTIONS: partial(self._unfinished, row.tenant)}
        )

    async def _unfinished(self, tenant: str) -> Json:
        async with self._database.transaction(tenant) as connection:
            return await count_unfinished(connection, tenant)

    async def _checked(self, start: Start, row: WorkflowRow) -> tuple[Runnable, str]:
        """The version to run and the trigger data as text, once the body and the workflow's state allow it."""
        request = start.request
        request.check()
        trigger_data = _stored(request.trigger_data)
        runnable = await self._published.latest(row)
        if request.version is not None and request.version != runnable.version:
            runnable = await self._published.version(row.tenant, row.id, request.version)
        if runnable.input_schema is not None:
            faults = runnable.input_schema.faults(request.trigger_data)
            if faults:
                raise ValidationFailed(tuple(_in_trigger_data(fault) for fault in faults))
        return runnable, trigger_data

    async def _is_current(self, row: WorkflowRow) -> bool:
        """Whether a refusal rests on facts that still hold."""
        self._published.forget(row.tenant, row.id)
        newest = await self._published.workflow(row.tenant, row.id)
        return _guard(newest) == _guard(row)

    async def _earlier(self, start: Start) -> Started | None:
        """What an earlier call with the same key has started; None: there was none, or its key has just expired."""
        if start.arrival is not None and start.arrival.claims:
            return await self._used(start.arrival.delivery)
        if start.scope is None:
            return None
        async with self._database.transaction(start.actor.tenant) as connection:
            known = await find_key(connection, start.scope)
            if known is not None and known.expires_at <= self._clock.now():
                await forget_key(connection, start.scope, self._clock.now())
                return None
        if known is None:
            return None
        check_match(known, start.body)
        return Started(known.subject_id, None)

    async def _used(self, delivery: Delivery) -> Started | None:
        """What the message of a delivery has started."""
        if delivery.webhook_id is None or delivery.message_id is None:
            return None
        async with self._database.transaction(delivery.tenant) as connection:
            known = await find_message(connection, delivery.tenant, delivery.webhook_id, delivery.message_id)
        if known is None:
            return None
        if known.body_sha256 != delivery.body_sha256:
            raise Conflict("This message came before with another body.", code="webhook.message_reused")
        return Started(known.execution_id, None)

    def _candidate(self, start: Start, row: WorkflowRow, checked: tuple[Runnable, str], permit: Permit) -> Candidate:
        actor, request, (runnable, trigger_data) = start.actor, start.request, checked
        priority = runnable.definition.settings.priority if request.priority is None else request.priority
        decided = decision_entry(permit, None)
        return Candidate(
            tenant=actor.tenant,
            id=self._new_id(),
            workflow_id=row.id,
            version=runnable.version,
            content_hash=runnable.content_hash,
            trigger_type=start.trigger_type,
            trigger_data=trigger_data,
            priority=int(priority),
            qos_class=self._front.class_of(actor.tenant, runnable),
            started_by=actor.subject,
            traceparent=carried(actor.traceparent),
            revision=row.revision,
            status=row.status,
            latest_version=row.latest_version,
            key=start.scope,
            fingerprint=None if start.scope is None else fingerprint(start.body),
            key_expires_at=None if start.scope is None else self._clock.now() + KEPT,
            audit_id=self._new_id(),
            action=EXECUTE,
            after_hash=state_hash({"contentHash": runnable.content_hash, "triggerData": trigger_data}),
            decision_id=decided.id,
            request_id=actor.request_id,
            source=actor.source,
            policy_revision=decided.policy_revision,
            decision_path=decided.path,
            decision_input=dumps(decided.input),
            trace_id=decided.trace_id,
            span_id=decided.span_id,
            decision_allowed=decided.allowed,
            decision_mode=decided.mode,
            decision_result=dumps(decided.result),
            decision_masked=dumps([*decided.masked]),
            arrival=start.arrival,
            slot_limit=runnable.definition.settings.concurrency,
        )


def _judged(trigger_data: Json) -> Json:
    """Trigger data as policy sees it: none where it is such that the body will be refused anyway."""
    try:
        _stored(trigger_data)
    except ValidationFailed:
        return None
    return trigger_data


def _fresh(start: Start, accepted: Candidate, created_at: datetime) -> ExecutionRow:
    return ExecutionRow(
        tenant=accepted.tenant,
        id=accepted.id,
        workflow_id=accepted.workflow_id,
        workflow_version=accepted.version,
        content_hash=accepted.content_hash,
        status=ExecutionStatus.QUEUED,
        trigger_type=accepted.trigger_type,
        trigger_data=start.request.trigger_data,
        priority=accepted.priority,
        current_step=None,
        started_by=accepted.started_by,
        created_at=created_at,
        started_at=None,
        finished_at=None,
        failure=None,
        failed_steps=(),
        last_seq=0,
        parent_execution_id=None,
        depth=0,
    )


def _guard(row: WorkflowRow) -> tuple[int, str, bool, str | None]:
    return row.revision, row.status, row.is_active, row.latest_version


def _body(request: ExecuteRequest) -> JsonObject:
    priority: Json = None if request.priority is None else request.priority.name
    return {"triggerData": request.trigger_data, "version": request.version, "priority": priority}


def _stored(trigger_data: Json) -> str:
    """Trigger data as it is stored, byte for byte.

    Raises:
        ValidationFailed: no store could keep it as it is.
    """
    try:
        stored = dumps(trigger_data)
    except TypeError as error:
        message = f"The trigger data cannot be stored: {error}."
        hint = "Numbers have at most 64 bits, texts are valid Unicode, nesting is at most 250 deep."
        raise ValidationFailed((Fault("trigger_data.unstorable", "/triggerData", message, hint),)) from error
    if len(stored.encode()) > TRIGGER_DATA_LIMIT:
        message = f"The trigger data is larger than the {TRIGGER_DATA_LIMIT} bytes that an execution may start with."
        hint = "Keep large content elsewhere and send where it is."
        raise ValidationFailed((Fault("trigger_data.too_large", "/triggerData", message, hint),))
    return stored


def _in_trigger_data(fault: Fault) -> Fault:
    return Fault(f"trigger_data.{fault.code}", f"/triggerData{fault.path}", fault.message, fault.hint)
