"""One tenant's schedules, for the tests of what becomes of their ticks."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.services.assembly import Assembled
from engine.services.schedule_values import Schedule, ScheduleTick
from engine.services.values import PageRequest, Workflow
from engine.store.database import Database
from tests.clock import FakeClock
from tests.services.documents import document, published

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def scheduled(cron: str = "* * * * *", trigger_id: str = "clock", **config: Json) -> JsonObject:
    trigger: JsonObject = {"id": trigger_id, "type": "schedule", "config": {"schedule": cron, **config}}
    return document(triggers=[trigger])


class Bench:
    """One tenant's schedules, seen through one process."""

    def __init__(self, assembled: Assembled, database: Database, actor: Actor, clock: FakeClock) -> None:
        self.services = assembled.services
        self.schedules = assembled.services.schedules
        self.firing = assembled.triggers.firing
        self.reconciler = assembled.triggers.reconciler
        self.database = database
        self.actor = actor
        self.clock = clock

    async def workflow(self, definition: JsonObject) -> tuple[Workflow, Schedule]:
        workflow = await published(self.services, self.actor, definition)
        found = await self.schedules.list(self.actor, workflow.id, PageRequest())
        return workflow, found.items[0]

    async def fire(self, watched_from: datetime | None = None) -> int:
        now = self.clock.now()
        return (await self.firing.run_once(now, watched_from or now)).started

    async def ticks(self, schedule: Schedule) -> list[ScheduleTick]:
        found = await self.schedules.ticks(self.actor, schedule.id, PageRequest(limit=200))
        return list(reversed(found.items))

    async def statuses(self, schedule: Schedule) -> Counter[str]:
        async with self.database.transaction(self.actor.tenant) as connection:
            rows = await connection.execute(
                text("select status, sum(count) from schedule_ticks where schedule_id = :id group by status"),
                {"id": schedule.id},
            )
            return Counter({status: int(number) for status, number in rows})

    async def executions(self) -> list[tuple[UUID, str, JsonObject]]:
        async with self.database.transaction(self.actor.tenant) as connection:
            rows = await connection.execute(
                text(
                    "select id, status, trigger_data from executions where trigger_type = 'schedule'"
                    " order by created_at, trigger_data->>'tickAt'"
                )
            )
            return [tuple(row) for row in rows]

    async def finish(self) -> None:
        """End whatever runs, as a worker would."""
        async with self.database.transaction(self.actor.tenant) as connection:
            await connection.execute(
                text(
                    "update executions set status = 'completed', finished_at = now()"
                    " where status not in ('completed', 'failed', 'cancelled')"
                )
            )


async def forget_schedules(database: Database, actor: Actor) -> None:
    """Rounds go over all tenants: what a test leaves behind would come due in the next one."""
    async with database.transaction(actor.tenant) as connection:
        await connection.execute(text("delete from schedule_ticks"))
        await connection.execute(text("delete from scheduled_workflows"))
        await connection.execute(text("update workflow_definitions set is_active = false"))
