"""The machines underneath: database, Redis, ledger, processes."""

from typing import Final

from scripts.observability.dashboards.model import Board, Panel, Query, Section, Unit
from scripts.observability.dashboards.queries import largest, mean, quantile, quantiles, rate, series, total

_OPERATION: Final = "db_client_operation_duration_seconds"
_BY_OPERATION: Final = "db_system_name, db_operation_name"

_DATABASE: Final = (
    Panel(
        "Operations",
        "Of PostgreSQL and Redis, by the name that the code gives them; the fifteen most frequent.",
        Unit.PER_SECOND,
        (
            Query(
                f"topk(15, {rate(f'{_OPERATION}_count', _BY_OPERATION)})",
                "{{db_system_name}} {{db_operation_name}}",
            ),
        ),
    ),
    Panel(
        "Slowest operations",
        "Ninety-nine in a hundred are faster; the ten slowest.",
        Unit.SECONDS,
        (Query(f"topk(10, {quantile(0.99, _OPERATION, _BY_OPERATION)})", "{{db_system_name}} {{db_operation_name}}"),),
    ),
    Panel(
        "Failed operations",
        "Of PostgreSQL, by code. A constraint that refuses a row has decided between two callers, and that is its use.",
        Unit.PER_SECOND,
        (Query(rate("maestro_database_failures_total", "code"), "{{code}}"),),
    ),
    Panel(
        "Checkpoint commits",
        "Each step waits for its commit: this is the pulse of the product.",
        Unit.SECONDS,
        quantiles(_OPERATION, 'db_operation_name="checkpoints.commit"'),
    ),
)
_POOLS: Final = (
    Panel(
        "Connections",
        "Of the pools, by process and state.",
        Unit.COUNT,
        (
            Query(
                total("db_client_connection_count", "job, instance, db_client_connection_state"),
                "{{job}} {{instance}} {{db_client_connection_state}}",
            ),
        ),
    ),
    Panel(
        "Wait for a connection",
        "Above a millisecond the pool is too small, or transactions take too long.",
        Unit.SECONDS,
        quantiles("db_client_connection_wait_time_seconds"),
    ),
    Panel(
        "Executions accepted together",
        "How many calls share an insert.",
        Unit.COUNT,
        (Query(mean("maestro_acceptance_batch_size"), "mean"),),
    ),
)
_LEDGER: Final = (
    Panel(
        "Outbox",
        "Age of the oldest parcel of each topic.",
        Unit.SECONDS,
        (Query(largest("maestro_outbox_oldest_seconds", "topic"), "{{topic}}"),),
    ),
    Panel(
        "Unproved",
        "Age of the oldest version or execution that the ledger has not yet.",
        Unit.SECONDS,
        (Query(largest("maestro_ledger_oldest_unregistered_seconds"), "oldest"),),
    ),
    Panel(
        "Registrations",
        "Entries asked for at the ledger, by kind and outcome.",
        Unit.PER_SECOND,
        (Query(rate("maestro_ledger_registrations_total", "kind, outcome"), "{{kind}} {{outcome}}"),),
    ),
    Panel(
        "Time of an append",
        "From a request read to its checkpoint published.",
        Unit.SECONDS,
        quantiles("maestro_ledger_append_duration_seconds"),
    ),
)
_PROCESSES: Final = (
    Panel(
        "Processor",
        "Cores that each process uses; one process uses one core at most.",
        Unit.COUNT,
        (Query(rate("process_cpu_seconds_total", "job, instance"), "{{job}} {{instance}}"),),
    ),
    Panel(
        "Memory",
        "Resident memory of each process.",
        Unit.BYTES,
        (Query(series("process_resident_memory_bytes"), "{{job}} {{instance}}"),),
    ),
    Panel(
        "Late wake-ups",
        "How late event loops wake a sleeper, ninety-nine in a hundred.",
        Unit.SECONDS,
        (Query(quantile(0.99, "maestro_event_loop_lag_seconds", "job, instance"), "{{job}} {{instance}}"),),
    ),
    Panel(
        "Open files",
        "File descriptors; the limit of the process is the end.",
        Unit.COUNT,
        (Query(series("process_open_fds"), "{{job}} {{instance}}"),),
    ),
)

BOARD: Final = Board(
    "service-internals",
    "Maestro: Service internals",
    "Database, Redis, connection pools, ledger and processes.",
    (
        Section("Database and Redis", _DATABASE),
        Section("Pools", _POOLS),
        Section("Outbox and ledger", _LEDGER),
        Section("Processes", _PROCESSES),
    ),
)
