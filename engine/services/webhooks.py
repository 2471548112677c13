"""Receiving webhooks, in the order of work that tells strangers nothing and costs little to refuse.

1. The bucket of the source address (`admit`), before the body is read. 2. The body, under its limit (the door). 3. The
signature over the raw body, with as many secrets for a path that does not exist as for one that does. 4. The time.
5. The webhook's own bucket: only who holds a secret can use it up. 6. The message's record and the execution, in one
transaction.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final
from uuid import UUID

from engine.actions.connections.secret_box import SecretBox
from engine.clock import Clock
from engine.definitions.conditions import evaluate, parse_condition
from engine.errors import Conflict, Denied, MaestroError, MalformedRequest, NotFound, RateLimited, ValidationFailed
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import Json
from engine.qos.buckets import Buckets
from engine.qos.file import WebhookBudgets
from engine.qos.live import LiveQos
from engine.services.requests import ExecuteRequest
from engine.services.starts import Started, Starts
from engine.services.webhook_secrets import MOST_LIVE, opened
from engine.services.webhook_values import Arrived, Receipt
from engine.store import webhook_deliveries, webhooks
from engine.store.database import Database
from engine.store.webhook_deliveries import Arrival, Delivery
from engine.store.webhooks import WebhookRow
from engine.telemetry.metrics import WEBHOOK_DELIVERIES
from engine.triggers.outcomes import Outcome, digest, masked_body, masked_headers, trigger_data_of
from engine.triggers.signatures import (
    SECRET_BYTES,
    BadSignature,
    Signed,
    StaleTimestamp,
    secret_from_bytes,
    verify_github,
    verify_standard,
)

TRIGGER_TYPE: Final = "webhook"
GITHUB: Final = "github"
NOBODY: Final = UUID(int=0)
"""Stands for what is no identifier, so that it is looked up like one."""
TIMED_KEPT: Final = timedelta(hours=48)
"""How long a message is known whose signed time alone would refuse it after minutes."""
UNTIMED_KEPT: Final = timedelta(days=30)
IPV6_PREFIX: Final = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may come in."""

    buckets: Buckets
    qos: LiveQos

    @property
    def budgets(self) -> WebhookBudgets:
        """As they are in force now."""
        return self.qos.current.webhooks


class Webhooks:
    """The way in for who has no token, only a secret."""

    def __init__(
        self, database: Database, starts: Starts, box: SecretBox, limits: Limits, clock: Clock, new_id: IdFactory
    ) -> None:
        self._database = database
        self._starts = starts
        self._box = box
        self._limits = limits
        self._clock = clock
        self._new_id = new_id
        self._fillers = tuple(secret_from_bytes(secrets.token_bytes(SECRET_BYTES)) for _ in range(MOST_LIVE))

    async def admit(self, source: str) -> None:
        """Count one delivery of an address.

        Raises:
            RateLimited: too many came from there.
        """
        try:
            message = "Too many deliveries come from this address."
            await self._limits.buckets.demand(self._limits.budgets.address, _network_of(source), message)
        except RateLimited:
            WEBHOOK_DELIVERIES.labels("limited_address").inc()
            raise

    async def receive(self, arrived: Arrived) -> Receipt:
        """Start an execution for a delivery, once for each message; durable when this returns.

        Raises:
            BadSignature: no such workflow, no such path, or no secret of it fits: nobody can tell which.
            StaleTimestamp: rightly signed, but not now.
            RateLimited: the webhook got too many.
            MalformedRequest: the body is not JSON.
            ValidationFailed: it breaks the workflow's `inputSchema`.
            Conflict: the message came before with another body (`webhook.message_reused`), or the workflow takes no
                starts now.
            Denied: policy refuses.
        """
        now = self._clock.now()
        listener, signed = await self._verified(arrived, now)
        delivery = self._delivery(listener, signed, arrived)
        try:
            receipt = await self._start(listener, delivery, arrived, _kept_until(signed, now))
        except RateLimited:
            WEBHOOK_DELIVERIES.labels(Outcome.LIMITED).inc()
            raise
        except (MalformedRequest, ValidationFailed, Conflict, Denied, NotFound) as error:
            await self._keep(replace(delivery, outcome=_outcome_of(error), detail=_detail_of(error)))
            raise
        return receipt

    async def _verified(self, arrived: Arrived, now: datetime) -> tuple[WebhookRow, Signed]:
        """Who listens, and what was signed; the same work whether somebody listens or not."""
        workflow_id = arrived.workflow_id or NOBODY
        async with self._database.loop_transaction() as connection:
            listener = await webhooks.find_listener(connection, workflow_id, arrived.path)
            sealed = await webhooks.find_live_secrets(connection, workflow_id, now)
        known = [opened(self._box, row) for row in sealed] if listener is not None else []
        tried = [*known, *self._fillers[len(known) :]]
        try:
            if listener is not None and listener.signature == GITHUB:
                signed = verify_github(arrived.headers, arrived.body, tried)
            else:
                signed = verify_standard(arrived.headers, arrived.body, tried, int(now.timestamp()))
        except (BadSignature, StaleTimestamp) as error:
            WEBHOOK_DELIVERIES.labels("stale" if isinstance(error, StaleTimestamp) else "unauthenticated").inc()
            raise
        if listener is None:  # no stranger knows a filler: this is not reached, and safe if it were
            raise BadSignature("The webhook's signature does not hold.")
        return listener, signed

    async def _start(self, listener: WebhookRow, delivery: Delivery, arrived: Arrived, kept_until: datetime) -> Receipt:
        message = "Too many deliveries come to this webhook."
        await self._limits.buckets.demand(self._limits.budgets.webhook, str(listener.id), message)
        trigger_data = trigger_data_of(listener.config.get("payload"), arrived.body)
        if not _holds(listener, trigger_data):
            await self._keep(replace(delivery, outcome=Outcome.IGNORED))
            return Receipt(None, "The condition of the trigger does not hold; nothing was started.")
        actor = Actor(
            tenant=listener.tenant,
            subject=f"webhook:{listener.id}",
            roles=frozenset({"service"}),
            request_id=arrived.request_id,
            source=arrived.source,
            traceparent=arrived.traceparent,
        )
        started = await self._starts.start(
            actor,
            listener.workflow_id,
            ExecuteRequest(trigger_data=trigger_data),
            trigger_type=TRIGGER_TYPE,
            arrival=Arrival(delivery, kept_until),
        )
        return await self._receipt(delivery, started)

    async def _receipt(self, delivery: Delivery, started: Started) -> Receipt:
        if started.fresh is not None:
            WEBHOOK_DELIVERIES.labels(Outcome.ACCEPTED).inc()
            return Receipt(started.execution_id, "The execution is accepted.")
        again = replace(delivery, outcome=Outcome.DUPLICATE, execution_id=started.execution_id, body="")
        await self._keep(again)
        return Receipt(started.execution_id, "This message has started an execution already.", duplicate=True)

    async def _keep(self, delivery: Delivery) -> None:
        WEBHOOK_DELIVERIES.labels(delivery.outcome).inc()
        async with self._database.transaction(delivery.tenant) as connection:
            await webhook_deliveries.add(connection, delivery)

    def _delivery(self, listener: WebhookRow, signed: Signed, arrived: Arrived) -> Delivery:
        return Delivery(
            tenant=listener.tenant,
            id=self._new_id(),
            webhook_id=listener.id,
            workflow_id=listener.workflow_id,
            message_id=signed.message_id,
            source=arrived.source,
            headers=masked_headers(arrived.headers),
            body=masked_body(arrived.body),
            body_sha256=digest(arrived.body),
            outcome=Outcome.ACCEPTED,
        )


def _kept_until(signed: Signed, now: datetime) -> datetime:
    return now + (UNTIMED_KEPT if signed.timestamp is None else TIMED_KEPT)


def _holds(listener: WebhookRow, trigger_data: Json) -> bool:
    condition = listener.config.get("condition")
    return not isinstance(condition, dict) or evaluate(parse_condition(condition), {"triggerData": trigger_data})


def _outcome_of(error: MaestroError) -> Outcome:
    if isinstance(error, MalformedRequest):
        return Outcome.MALFORMED
    if isinstance(error, ValidationFailed):
        return Outcome.INVALID
    if isinstance(error, Denied):
        return Outcome.DENIED
    return Outcome.CONFLICT if error.code == "webhook.message_reused" else Outcome.REFUSED


def _detail_of(error: MaestroError) -> str:
    """Why, without anything that the body says."""
    if isinstance(error, ValidationFailed):
        return "; ".join(f"{fault.code} at {fault.path}" for fault in error.faults[:20])[:2_000]
    return error.code


def _network_of(source: str) -> str:
    """What counts as one sender: an IPv4 address, or the network that one IPv6 customer has."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if not isinstance(address, IPv6Address):
        return str(address)
    mapped = address.ipv4_mapped
    return str(mapped or ip_network((address, IPV6_PREFIX), strict=False))
