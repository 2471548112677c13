"""From triggers to schedules, and from stored schedules to the rules that passes work with."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from engine.clock import rfc3339
from engine.definitions.building import schedule_trigger
from engine.definitions.cron import parse_cron, zone_of
from engine.jsonvalue import Json, JsonObject
from engine.store.schedules import Place, ScheduleContent, ScheduleRow, WantedRow
from engine.triggers.ticks import Origin, Rule, Tick, upcoming_ticks

_NAMESPACE: Final = UUID("8e2c54d3-6a0c-4b7e-9a53-5b0d51d1f2a6")


def schedule_id_of(tenant: str, workflow_id: UUID, trigger_id: str) -> UUID:
    """The id of a trigger's schedule: always the same, so that its ledger outlives a while without it."""
    return uuid5(_NAMESPACE, f"{tenant}/{workflow_id}/{trigger_id}")


def content_of(wanted: WantedRow) -> ScheduleContent:
    """What a schedule trigger of a published version asks for."""
    trigger = schedule_trigger(wanted.config)
    return ScheduleContent(
        version=wanted.version,
        cron=trigger.cron,
        timezone=trigger.timezone,
        catch_up=trigger.catch_up.value,
        catch_up_window_s=trigger.catch_up_window_s,
        overlap=trigger.overlap.value,
        jitter_ms=trigger.jitter_ms,
        drift_window_s=trigger.drift_window_s,
        payload=wanted.config.get("payload"),
    )


def content_of_row(row: ScheduleRow) -> ScheduleContent:
    """What a stored schedule says, for comparison."""
    return ScheduleContent(
        version=row.version,
        cron=row.cron,
        timezone=row.timezone,
        catch_up=row.catch_up.value,
        catch_up_window_s=row.catch_up_window_s,
        overlap=row.overlap.value,
        jitter_ms=row.jitter_ms,
        drift_window_s=row.drift_window_s,
        payload=row.payload,
    )


def rule_of(row: ScheduleRow, default_drift_window_s: int) -> Rule:
    """The rule of a stored schedule; what is stored was checked when its workflow was published."""
    drift_window_s = default_drift_window_s if row.drift_window_s is None else row.drift_window_s
    return Rule(
        schedule_id=row.id,
        cron=parse_cron(row.cron),
        zone=zone_of(row.timezone),
        catch_up=row.catch_up,
        window=timedelta(seconds=row.catch_up_window_s),
        overlap=row.overlap,
        jitter_ms=row.jitter_ms,
        drift_window=timedelta(seconds=drift_window_s),
    )


def place_after(rule: Rule, cursor: datetime, watched_from: datetime) -> Place:
    """Where a schedule stands once every tick up to `cursor` has been dealt with."""
    return place_at(cursor, next(upcoming_ticks(rule, cursor), None), watched_from)


def place_at(cursor: datetime, upcoming: Tick | None, watched_from: datetime) -> Place:
    """Where a schedule stands before its next tick."""
    if upcoming is None:
        return Place(cursor, None, None, watched_from)
    return Place(cursor, upcoming.at, upcoming.due_at, watched_from)


def trigger_data_of(row: ScheduleRow, tick_at: datetime, origin: Origin) -> Json:
    """What an execution of a tick starts with: the trigger's payload, and beside it which tick it is.

    `tickAt` is the nominal instant, whenever it starts; `origin` is `scheduled`, `caught_up` or `backfill`.
    """
    tick: JsonObject = {
        "scheduleId": str(row.id),
        "triggerId": row.trigger_id,
        "tickAt": rfc3339(tick_at),
        "timezone": row.timezone,
        "origin": origin.value,
    }
    if row.payload is None:
        return tick
    return {**row.payload, **tick} if isinstance(row.payload, dict) else {"payload": row.payload, **tick}
