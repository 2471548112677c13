"""Schedules and ticks of the services as types of the graph."""

import strawberry

from engine.services import schedule_values as values
from schema import schedules
from schema.mutations import schedules as graph
from schema.scalars import Duration, SemVer


def schedule(value: values.Schedule) -> schedules.Schedule:
    """Schedule of the graph."""
    return schedules.Schedule(
        id=strawberry.ID(str(value.id)),
        workflow_id=strawberry.ID(str(value.workflow_id)),
        trigger_id=value.trigger_id,
        version=SemVer(value.version),
        cron=value.cron,
        timezone=value.timezone,
        catch_up=schedules.CatchUp(value.catch_up),
        catch_up_window_seconds=value.catch_up_window_s,
        overlap=schedules.Overlap(value.overlap),
        jitter_ms=Duration(value.jitter_ms),
        drift_window_seconds=value.drift_window_s,
        status=schedules.ScheduleStatus(value.status),
        paused_at=value.paused_at,
        next_tick_at=value.next_tick_at,
        next_ticks=list(value.next_ticks),
    )


def tick(value: values.ScheduleTick) -> schedules.ScheduleTick:
    """Tick of the graph."""
    execution_id = value.execution_id
    return schedules.ScheduleTick(
        schedule_id=strawberry.ID(str(value.schedule_id)),
        tick_at=value.tick_at,
        until_tick_at=value.until_tick_at,
        count=value.count,
        status=schedules.TickStatus(value.status),
        fired_at=value.fired_at,
        drift_ms=None if value.drift_ms is None else Duration(value.drift_ms),
        execution_id=None if execution_id is None else strawberry.ID(str(execution_id)),
        reason=value.reason,
        is_backfill=value.is_backfill,
    )


def reconciled(done: values.Reconciled) -> graph.ReconcileSchedulesSuccess:
    """What a reconciliation did, as its result."""
    recovered = [
        graph.RecoveredTick(
            schedule_id=strawberry.ID(str(one.schedule_id)),
            tick_at=one.tick_at,
            outcome=schedules.TickStatus(one.outcome),
        )
        for one in done.recovered
    ]
    return graph.ReconcileSchedulesSuccess(
        created=[schedule(one) for one in done.created],
        updated=[schedule(one) for one in done.updated],
        removed=[schedule(one) for one in done.removed],
        unchanged=[schedule(one) for one in done.unchanged],
        recovered=recovered,
    )
