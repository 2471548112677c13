"""Every declared table; importing this package fills `metadata`."""

from engine.store.tables import definitions, delivery, governance, lending, provenance, runtime, tasks, triggers
from engine.store.tables.metadata import metadata

__all__ = ["definitions", "delivery", "governance", "lending", "metadata", "provenance", "runtime", "tasks", "triggers"]
