"""Queries of webhook secrets, deliveries, callbacks and connections."""

from typing import Annotated

import strawberry

from engine.services.webhook_values import DeliveryFilter
from engine.triggers.outcomes import Outcome
from resolvers import webhook_shapes
from resolvers.arguments import OfWorkflow
from resolvers.info import Info, identifier, identifier_or_none
from resolvers.paging import page_request
from resolvers.shapes import connection
from schema.connections import OutboundConnection
from schema.fields import field
from schema.paging import After, Before, Connection, First, Last
from schema.selections import page_of
from schema.webhooks import Callback, WebhookDelivery, WebhookDeliveryOutcome, WebhookSecret

OfOutcome = Annotated[WebhookDeliveryOutcome | None, strawberry.argument(description="Only those that ended so.")]
Secrets = Annotated[strawberry.ID, strawberry.argument(description="Of the workflow.")]


@strawberry.type
class WebhookQueries:
    """Queries of what comes in signed and goes out signed."""

    @field("Secrets of a workflow's webhooks, newest first, without the secrets themselves.")
    async def webhook_secrets(
        self,
        info: Info,
        workflow_id: Secrets,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[WebhookSecret]:
        page = page_request(page_of(info, first, after, last, before))
        key = identifier("workflow", workflow_id)
        found = await info.context.services.webhook_secrets.list(info.context.actor, key, page)
        return connection(found, webhook_shapes.secret)

    @field("Deliveries to webhooks whose signature held, newest first; kept for 30 days.")
    async def webhook_deliveries(  # noqa: PLR0913, PLR0917 - the arguments of a connection and of its filter
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        workflow_id: OfWorkflow = None,
        outcome: OfOutcome = None,
    ) -> Connection[WebhookDelivery]:
        page = page_request(page_of(info, first, after, last, before))
        workflow = identifier_or_none("workflow", workflow_id)
        wanted = DeliveryFilter(workflow, None if outcome is None else Outcome(outcome))
        found = await info.context.services.webhook_deliveries.list(info.context.actor, wanted, page)
        return connection(found, webhook_shapes.delivery)

    @field("Where events of executions and tasks are sent, newest first.")
    async def callbacks(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Callback]:
        page = page_request(page_of(info, first, after, last, before))
        found = await info.context.services.callbacks.list(info.context.actor, page)
        return connection(found, webhook_shapes.callback)

    @field("Named ways to the outside, by name.")
    async def connections(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[OutboundConnection]:
        page = page_request(page_of(info, first, after, last, before))
        found = await info.context.services.connections.list(info.context.actor, page)
        return connection(found, webhook_shapes.outbound)
