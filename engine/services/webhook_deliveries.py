"""Use cases of webhook deliveries: what came in and what became of it, and starting anew from one."""

from dataclasses import replace
from uuid import UUID

from engine.errors import Conflict, NotFound
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import Json
from engine.policy.gate import Resource
from engine.services.authority import Authority, Change
from engine.services.digests import state_hash
from engine.services.facts import delivery_resource
from engine.services.pages import Listing
from engine.services.requests import ExecuteRequest
from engine.services.starts import Starts
from engine.services.values import PageRequest, Slice
from engine.services.visibility import hidden_by
from engine.services.webhook_values import DeliveryFilter, DeliveryView, Replay
from engine.services.webhooks import TRIGGER_TYPE
from engine.store import executions
from engine.store import webhook_deliveries as rows
from engine.store.database import Database
from engine.store.visibility import find_belonging
from engine.store.webhook_deliveries import Arrival, Delivery, DeliveryConditions
from engine.triggers.outcomes import Outcome, digest, trigger_data_of

READ, REPLAY = "webhook_delivery.read", "webhook_delivery.replay"


class WebhookDeliveries:
    """What callers do with deliveries, within their tenant."""

    def __init__(self, database: Database, authority: Authority, starts: Starts, new_id: IdFactory) -> None:
        self._database = database
        self._authority = authority
        self._starts = starts
        self._new_id = new_id

    async def list(self, actor: Actor, wanted: DeliveryFilter, page: PageRequest) -> Slice[DeliveryView]:
        """Deliveries whose signature held, newest first, kept for 30 days.

        Raises:
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        hidden = hidden_by(await self._authority.permit(actor, READ, Resource("webhook_delivery", None)))
        listing = Listing("webhook_deliveries", wanted)
        window = listing.window(page)
        conditions = DeliveryConditions(wanted.workflow_id, wanted.outcome, hidden)
        async with self._database.transaction(actor.tenant) as connection:
            items, found = await rows.find_window(connection, actor.tenant, conditions, window)
            total = await rows.count_all(connection, actor.tenant, conditions) if page.count else None
        return listing.slice([_view(item) for item in items], [item.id for item in items], found, total)

    async def replay(self, actor: Actor, delivery_id: UUID) -> Replay:
        """Start a new execution of the latest version with the data of a delivery; the new delivery says so.

        The permission to replay is enough: nothing else is asked of the operator.

        Raises:
            NotFound: no such delivery in the tenant.
            Conflict: its data was not kept (`webhook_delivery.not_replayable`), or the workflow takes no starts.
            ValidationFailed: the data breaks the `inputSchema` of the latest version.
        """
        async with self._database.transaction(actor.tenant) as connection:
            original = await rows.find(connection, actor.tenant, delivery_id)
            if original is None:
                raise NotFound("webhook delivery", str(delivery_id))
            belonging = await find_belonging(connection, actor.tenant, original.workflow_id)
        permit = await self._authority.permit(actor, REPLAY, delivery_resource(original, belonging))
        trigger_data = await self._trigger_data(original)
        again = replace(
            original,
            id=self._new_id(),
            message_id=None,
            source=actor.source,
            outcome=Outcome.ACCEPTED,
            detail="",
            execution_id=None,
            replay_of=original.id,
        )
        started = await self._starts.start(
            replace(actor, roles=actor.roles | {"service"}),
            original.workflow_id,
            ExecuteRequest(trigger_data=trigger_data),
            trigger_type=TRIGGER_TYPE,
            arrival=Arrival(again, None),
        )
        change = Change("webhook_delivery", str(original.id), None, state_hash({"replayedAs": str(again.id)}))
        async with self._database.transaction(actor.tenant) as connection:
            await self._authority.record(connection, permit, [change], started.execution_id)
        return Replay(started.execution_id, original.id, "The delivery was replayed as a new execution.")

    async def _trigger_data(self, original: Delivery) -> Json:
        """What the delivery brought: what its execution was started with, else its body where nothing is masked."""
        if original.execution_id is not None:
            async with self._database.transaction(original.tenant) as connection:
                execution = await executions.find(connection, original.tenant, original.execution_id)
            if execution is not None:
                return execution.trigger_data
        if digest(original.body.encode()) != original.body_sha256 or original.outcome is Outcome.MALFORMED:
            message = "The delivery was kept without its secrets, or without its body: it cannot be replayed."
            raise Conflict(message, code="webhook_delivery.not_replayable")
        return trigger_data_of(None, original.body.encode())


def _view(row: Delivery) -> DeliveryView:
    if row.received_at is None:
        raise ValueError("a delivery that was never stored")
    return DeliveryView(
        id=row.id,
        workflow_id=row.workflow_id,
        webhook_id=row.webhook_id,
        message_id=row.message_id,
        source=row.source,
        headers=row.headers,
        body=row.body,
        body_sha256=row.body_sha256,
        outcome=Outcome(row.outcome),
        detail=row.detail,
        execution_id=row.execution_id,
        replay_of=row.replay_of,
        received_at=row.received_at,
    )
