"""Events: once by their id, to all who listen and to nobody else."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from engine.errors import Denied, IdempotencyMismatch, ValidationFailed
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject, loads
from engine.services.assembly import Assembled
from engine.services.events import TOPIC, EmitRequest
from engine.store.database import Database
from engine.store.outbox import Parcel
from tests.services.conftest import RecordingBell
from tests.services.documents import document, published


def listening(*triggers: JsonObject, **members: Json) -> JsonObject:
    return document("Listener", triggers=[*triggers], **members)


def on(event_type: str, trigger_id: str = "on", **config: Json) -> JsonObject:
    return {"id": trigger_id, "type": "event", "config": {"eventType": event_type, **config}}


def when(field: str, value: Json, trigger_id: str = "when", **config: Json) -> JsonObject:
    condition: JsonObject = {"field": field, "operator": "gt", "value": value}
    return {"id": trigger_id, "type": "condition", "config": {"condition": condition, **config}}


class Desk:
    """Emits events and delivers them, as often as it is asked to."""

    def __init__(self, assembled: Assembled, database: Database, actor: Actor) -> None:
        self.services = assembled.services
        self.delivery = assembled.triggers.delivery
        self.database = database
        self.actor = actor

    async def emit(self, event_type: str, payload: Json = None, event_id: str | None = None) -> bool:
        emitted = await self.services.events.emit(
            self.actor, EmitRequest(type=event_type, payload=payload, id=event_id)
        )
        return emitted.duplicate

    async def parcels(self) -> list[Parcel]:
        async with self.database.transaction(self.actor.tenant) as connection:
            rows = await connection.execute(
                text("select id, subject_id, payload::text as payload, created_at from outbox where topic = :t"),
                {"t": TOPIC},
            )
            return [
                Parcel(self.actor.tenant, row.id, TOPIC, row.subject_id, loads(row.payload), None, row.created_at, 0)
                for row in rows
            ]

    async def deliver(self) -> int:
        return sum([await self.delivery.deliver(parcel) for parcel in await self.parcels()])

    async def executions(self) -> list[tuple[UUID, str, Json, str]]:
        async with self.database.transaction(self.actor.tenant) as connection:
            rows = await connection.execute(
                text(
                    "select workflow_id, trigger_type, trigger_data, started_by from executions order by created_at, id"
                )
            )
            return [tuple(row) for row in rows]


@pytest.fixture
def desk(assembled: Assembled, database: Database, tenant: str) -> Desk:
    return Desk(assembled, database, Actor(tenant, "ann", frozenset({"editor"})))


async def test_an_event_starts_what_listens_and_nothing_else(desk: Desk) -> None:
    orders = await published(desk.services, desk.actor, listening(on("order.placed", payload={"region": "eu", "n": 0})))
    await published(desk.services, desk.actor, listening(on("order.cancelled")))
    await published(desk.services, desk.actor, listening({**on("order.placed"), "isEnabled": False}))
    await desk.services.workflows.create(desk.actor, listening(on("order.placed")))
    idle = await published(desk.services, desk.actor, listening(on("order.placed")))
    await desk.services.workflows.archive(desk.actor, idle.id)

    await desk.emit("order.placed", {"n": 7})
    assert await desk.deliver() == 1

    assert await desk.executions() == [(orders.id, "event", {"region": "eu", "n": 7}, "ann")]


@pytest.mark.parametrize(("total", "started"), [(100, 0), (101, 3)])
async def test_condition_triggers_start_when_their_condition_holds(desk: Desk, total: int, started: int) -> None:
    await published(desk.services, desk.actor, listening(when("total", 100)))
    await published(desk.services, desk.actor, listening(when("triggerData.total", 100, eventType="order.placed")))
    await published(desk.services, desk.actor, listening(when("payload.total", 100)))
    await published(desk.services, desk.actor, listening(when("total", 100, eventType="other")))
    await published(
        desk.services,
        desk.actor,
        listening(on("order.placed", condition={"field": "vip", "operator": "eq", "value": True})),
    )

    await desk.emit("order.placed", {"total": total})
    assert await desk.deliver() == started
    assert [kind for _, kind, _, _ in await desk.executions()] == ["condition"] * started


async def test_the_same_id_is_the_same_event(desk: Desk) -> None:
    await published(desk.services, desk.actor, listening(on("a"), on("a", "again")))
    emitted = await asyncio.gather(*(desk.emit("a", {"n": 1}, "evt-1") for _ in range(5)))
    assert sorted(emitted) == [False, True, True, True, True]
    with pytest.raises(IdempotencyMismatch):
        await desk.emit("a", {"n": 2}, "evt-1")
    assert len(await desk.parcels()) == 1

    await desk.deliver()
    await desk.deliver()
    assert len(await desk.executions()) == 2


async def test_a_listener_that_refuses_does_not_keep_it_from_others(desk: Desk) -> None:
    strict: JsonObject = {"type": "object", "required": ["region"]}
    await published(desk.services, desk.actor, listening(on("a"), inputSchema=strict))
    willing = await published(desk.services, desk.actor, listening(on("a")))
    await desk.emit("a", {})
    assert await desk.deliver() == 1
    assert [found for found, *_ in await desk.executions()] == [willing.id]


async def wait_for(desk: Desk, correlation: str, event_type: str = "paid") -> UUID:
    execution_id = uuid4()
    async with desk.database.transaction(desk.actor.tenant) as connection:
        await connection.execute(
            text(
                "insert into event_waits (tenant_id, execution_id, step_path, event_type, correlation)"
                " values (:tenant, :id, 'hold', :type, cast(:correlation as jsonb))"
            ),
            {"tenant": desk.actor.tenant, "id": execution_id, "type": event_type, "correlation": correlation},
        )
    return execution_id


async def test_waiting_steps_are_woken_by_correlation_once(desk: Desk, bell: RecordingBell) -> None:
    met = await wait_for(desk, '{"order.id": 7}')
    anything = await wait_for(desk, "{}")
    for correlation in ('{"order.id": 8}', '{"order.id": "7"}', '{"order.number": 7}'):
        await wait_for(desk, correlation)
    await wait_for(desk, "{}", "refunded")

    await desk.emit("paid", {"order": {"id": 7}}, "evt-9")
    assert await desk.deliver() == 2
    assert await desk.deliver() == 0

    async with desk.database.transaction(desk.actor.tenant) as connection:
        mail = (await connection.execute(text("select execution_id, kind, payload from execution_inbox"))).all()
    assert {row.execution_id for row in mail} == {met, anything}
    assert {row.kind for row in mail} == {"EventReceived"}
    assert mail[0].payload == {
        "key": ["hold", ""],
        "generation": 0,
        "event_type": "paid",
        "payload": {"order": {"id": 7}},
        "event_id": "evt-9",
    }
    assert {execution for _, execution in bell.rung} >= {met, anything}


async def test_events_stay_within_their_tenant(
    desk: Desk, assembled: Assembled, database: Database, stranger: Actor
) -> None:
    await published(desk.services, desk.actor, listening(on("a")))
    theirs = Desk(assembled, database, stranger)
    await theirs.emit("a", {}, "evt-1")
    await theirs.deliver()
    assert await desk.executions() == []
    assert await desk.emit("a", {"other": True}, "evt-1") is False


@pytest.mark.parametrize("event_type", ["", "x" * 201])
async def test_a_type_is_asked_for(desk: Desk, event_type: str) -> None:
    with pytest.raises(ValidationFailed):
        await desk.emit(event_type)
    assert await desk.parcels() == []


@pytest.mark.parametrize("event_type", ["execution.completed", "execution.x", "human_task.sla_breached"])
async def test_nobody_emits_what_the_engine_says(desk: Desk, event_type: str) -> None:
    await published(desk.services, desk.actor, listening(on(event_type)))
    with pytest.raises(ValidationFailed) as refused:
        await desk.emit(event_type, {"executionId": str(uuid4())})
    assert [(fault.code, fault.path) for fault in refused.value.faults] == [("event.type_reserved", "/type")]
    assert (await desk.parcels(), await desk.executions()) == ([], [])
    assert await desk.emit(event_type.replace(".", "s.")) is False


async def test_emitting_is_an_action_of_its_own(desk: Desk, viewer: Actor) -> None:
    with pytest.raises(Denied):
        await desk.services.events.emit(viewer, EmitRequest(type="a"))
    assert await desk.parcels() == []
