"""Puts together what starts executions without a person: schedules and events."""

from dataclasses import dataclass

from engine.clock import Clock
from engine.ids import IdFactory
from engine.queue.bell import Bell
from engine.services.authority import Authority
from engine.services.events import EventDelivery, Events
from engine.services.firing import Firing
from engine.services.reconciler import Reconciler
from engine.services.schedule_sync import ScheduleSync
from engine.services.schedules import Schedules
from engine.services.starts import Starts
from engine.store.database import Database


@dataclass(frozen=True, slots=True)
class Triggers:
    """What doors and workers do with triggers: `firing`, `reconciler` and `delivery` are the workers' part."""

    schedules: Schedules
    events: Events
    firing: Firing
    reconciler: Reconciler
    delivery: EventDelivery


def assemble_triggers(  # noqa: PLR0913, PLR0917 - what they all work with
    database: Database,
    authority: Authority,
    starts: Starts,
    sync: ScheduleSync,
    bell: Bell,
    clock: Clock,
    new_id: IdFactory,
    drift_window_s: int,
) -> Triggers:
    """Triggers over the given parts."""
    firing = Firing(database, starts, bell, drift_window_s)
    return Triggers(
        schedules=Schedules(database, authority, firing, sync, clock, drift_window_s),
        events=Events(database, authority, clock, new_id),
        firing=firing,
        reconciler=Reconciler(database, sync, drift_window_s),
        delivery=EventDelivery(database, starts, bell, clock),
    )
