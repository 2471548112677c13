"""Metrics of schedules and events. Labels are closed sets: no schedule, workflow or tenant ever becomes one."""

from prometheus_client import Counter, Gauge, Histogram

TICKS = Counter("maestro_schedule_ticks", "Ticks by how they ended.", ["status"])
DRIFT_SECONDS = Histogram(
    "maestro_schedule_drift_seconds",
    "Start of a tick minus its nominal instant, of ticks that were not missed.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
OVERDUE_SECONDS = Gauge("maestro_schedule_overdue_seconds", "How long the most overdue tick waits to be looked at.")
GAPS = Gauge(
    "maestro_schedule_gaps", "Due ticks without a row in the ledger, at the last look; anything but 0 is a gap."
)
RECONCILED = Counter("maestro_schedule_reconciled", "Schedules by what reconciling did to them.", ["outcome"])
EVENTS = Counter("maestro_event_deliveries", "What events led to, by outcome.", ["outcome"])
