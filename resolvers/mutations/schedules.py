"""Mutations of schedules, and events: one input each, one call of a service, one result."""

from typing import cast

import strawberry

from engine.definitions.model import Overlap
from engine.jsonvalue import Json
from engine.services.events import EmitRequest
from engine.services.schedule_values import BackfillRequest, HoldRequest, ReconcileRequest
from resolvers.info import Info, identifier
from resolvers.schedule_shapes import reconciled, schedule
from schema.fields import mutation
from schema.mutations import schedules as graph


@strawberry.type
class ScheduleMutations:
    """Mutations of schedules, and events."""

    @mutation("Make schedules equal to the triggers of published, active workflows, and recover missed ticks.")
    async def reconcile_schedules(
        self, info: Info, input: graph.ReconcileSchedulesInput
    ) -> graph.ReconcileSchedulesResult:
        request = ReconcileRequest(dry_run=input.dry_run)
        return reconciled(await info.context.services.schedules.reconcile(info.context.actor, request))

    @mutation("Hold a schedule; what comes due meanwhile is dealt with as missed when it goes on.")
    async def pause_schedule(self, info: Info, input: graph.PauseScheduleInput) -> graph.PauseScheduleResult:
        key = identifier("schedule", input.schedule_id)
        found = await info.context.services.schedules.pause(info.context.actor, key, HoldRequest(reason=input.reason))
        return graph.PauseScheduleSuccess(schedule=schedule(found))

    @mutation("Let a schedule go on.")
    async def resume_schedule(self, info: Info, input: graph.ResumeScheduleInput) -> graph.ResumeScheduleResult:
        key = identifier("schedule", input.schedule_id)
        found = await info.context.services.schedules.resume(info.context.actor, key, HoldRequest(reason=input.reason))
        return graph.ResumeScheduleSuccess(schedule=schedule(found))

    @mutation("Start the ticks of a range, both ends included; a tick that was started is never repeated.")
    async def backfill_schedule(self, info: Info, input: graph.BackfillScheduleInput) -> graph.BackfillScheduleResult:
        key = identifier("schedule", input.schedule_id)
        overlap = None if input.overlap is None else Overlap(input.overlap)
        request = BackfillRequest(start=input.from_, end=input.to, overlap=overlap)
        done = await info.context.services.schedules.backfill(info.context.actor, key, request)
        return graph.BackfillScheduleSuccess(
            schedule=schedule(done.schedule), asked=done.asked, already_started=done.already_started
        )

    @mutation("Start every published, active workflow that listens, and wake the steps that wait for it.")
    async def emit_event(self, info: Info, input: graph.EmitEventInput) -> graph.EmitEventResult:
        request = EmitRequest(type=input.type, payload=cast("Json", input.payload), id=input.id)
        emitted = await info.context.services.events.emit(info.context.actor, request)
        return graph.EmitEventSuccess(event_id=emitted.id, duplicate=emitted.duplicate)
