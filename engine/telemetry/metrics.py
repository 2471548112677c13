"""Metrics of the engine: every name and label in one place, so that dashboards and tests can be held against it.

Labels are bounded: never ids, never names that clients choose.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
DATABASE_BUCKETS_S: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
LABELS: Final = frozenset(
    {
        "action",
        "action_type",
        "clock",
        "code",
        "db_client_connection_state",
        "db_operation_name",
        "db_system_name",
        "graphql_operation_type",
        "graphql_root_field",
        "http_request_method",
        "http_response_status_code",
        "http_route",
        "kind",
        "messaging_destination_name",
        "messaging_system",
        "operation",
        "outcome",
        "policy",
        "protocol",
        "qos_class",
        "reason",
        "state",
        "status",
        "topic",
    }
)
"""Every label of the product. Each has a closed set of values, written in the code or by who installs the product."""

WITHOUT_EXEMPLAR: Final = {
    "maestro_event_loop_lag_seconds": "It is measured beside all work: what kept the loop may be anybody's work.",
}
"""Histograms of which no bucket leads to a trace, and why. Every other one has exemplars where its trace is sampled."""

POLICY_DECISION_SECONDS = Histogram(
    "maestro_policy_decision_seconds",
    "Time of one policy evaluation.",
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1),
)
POLICY_DECISIONS = Counter("maestro_policy_decisions", "Decisions by action and outcome.", ("action", "outcome"))
POLICY_REMEMBERED = Counter("maestro_policy_remembered", "Decisions taken from memory: the same was asked before.")
POLICY_OVER_BUDGET = Counter("maestro_policy_over_budget", "Evaluations that took longer than their time budget.")
POLICY_DECISIONS_LOST = Counter(
    "maestro_policy_decisions_lost", "Decisions that were not written to the decision log: it was away for too long."
)
POLICY_RELOADS = Counter("maestro_policy_reloads", "Bundles that were offered, by outcome.", ("outcome",))

RATE_LIMITED = Counter("maestro_rate_limited", "Calls refused by a token bucket, by its policy.", ("policy",))
RATE_LIMIT_FALLBACKS = Counter("maestro_rate_limit_fallbacks", "Calls counted by one process alone, without Redis.")
WEBHOOK_DELIVERIES = Counter("maestro_webhook_deliveries", "Deliveries to webhooks, by outcome.", ("outcome",))
CALLBACK_ATTEMPTS = Counter("maestro_callback_attempts", "Attempts to deliver a callback, by outcome.", ("outcome",))
NOTIFICATIONS = Counter("maestro_notifications", "Attempts to send a notification, by outcome.", ("outcome",))
HUMAN_TASK_OPERATIONS = Counter("maestro_human_task_operations", "Steps of human tasks by operation.", ("operation",))
HUMAN_TASK_SLA_BREACHES = Counter(
    "maestro_human_task_sla_breaches", "Human tasks that missed the end of a clock.", ("clock",)
)
HUMAN_TASK_ESCALATIONS = Counter("maestro_human_task_escalations", "Escalations of human tasks.")
HUMAN_TASKS_OPEN = Gauge("maestro_human_tasks_open", "Human tasks that are not closed, by status.", ("status",))
HUMAN_TASKS_BREACHED = Gauge("maestro_human_tasks_breached", "Open human tasks that have missed the end of a clock.")
QOS_RELOADS = Counter("maestro_qos_reloads", "Files of limits that were offered, by outcome.", ("outcome",))
ADMISSION_REFUSALS = Counter(
    "maestro_admission_refusals", "Starts of executions refused, by class and reason.", ("qos_class", "reason")
)
QUEUE_DEPTH = Gauge("maestro_queue_depth", "Executions that wait to be taken, by class.", ("qos_class",))
QUEUE_OLDEST_SECONDS = Gauge("maestro_queue_oldest_seconds", "The longest wait in the queue, by class.", ("qos_class",))
EXECUTIONS_UNFINISHED = Gauge("maestro_executions_unfinished", "Executions that were accepted and have not ended.")

EXECUTIONS_ENDED = Counter("maestro_executions_ended", "Executions that ended, by state.", ("status",))
EXECUTIONS_ACCEPTED = Counter("maestro_executions_accepted", "Executions that were accepted durably.")
ACCEPTANCE_BATCH_SIZE = Histogram(
    "maestro_acceptance_batch_size", "Executions accepted by one statement.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 200)
)
EXECUTION_START_DELAY_SECONDS = Histogram(
    "maestro_execution_start_delay_seconds",
    "From an execution's acceptance to the first time that a worker takes it.",
    ("qos_class",),
    buckets=SECONDS,
)
STEPS = Counter(
    "maestro_steps", "Attempts of steps that came to an outcome, by action type.", ("action_type", "outcome")
)
STEP_SECONDS = Histogram(
    "maestro_step_attempt_duration_seconds",
    "How long attempts of actions took that wait for something.",
    ("action_type",),
    buckets=SECONDS,
)
STEPS_IN_DOUBT = Counter("maestro_steps_in_doubt", "Steps whose attempt a crash has left without a known outcome.")
EXECUTIONS_HELD = Gauge("maestro_worker_executions_held", "Executions in this worker's memory.")
ATTEMPTS_OUT = Gauge("maestro_worker_attempts_out", "Attempts that run or wait for room in this worker.")
COMMITS_WAITING = Gauge("maestro_worker_commits_waiting", "Commits that wait for this worker's writer.")
COMMIT_BATCH_SIZE = Histogram(
    "maestro_commit_batch_size",
    "Executions written in one transaction.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
LEASES_LOST = Counter("maestro_leases_lost", "Executions that this worker held and others have taken.")
LEASES_RESCUED = Counter("maestro_leases_rescued", "Executions taken over from workers whose lease ran out.")
DEAD_LETTERS = Counter(
    "maestro_dead_letters", "What was given up and kept for a person to look at, by kind.", ("kind",)
)
DEAD_LETTERS_OPEN = Gauge("maestro_dead_letters_open", "Dead letters that nobody has dealt with, by kind.", ("kind",))
OUTBOX_OLDEST_SECONDS = Gauge(
    "maestro_outbox_oldest_seconds", "Age of the oldest parcel that waits, by topic.", ("topic",)
)
OUTBOX_WAITING = Gauge("maestro_outbox_waiting", "Parcels that wait, by topic.", ("topic",))
LEDGER_OLDEST_SECONDS = Gauge(
    "maestro_ledger_oldest_unregistered_seconds", "Age of the oldest version or execution that the ledger has not yet."
)
LEDGER_REGISTRATIONS = Counter(
    "maestro_ledger_relay_registrations",
    "What the relay has had registered, by topic and outcome.",
    ("topic", "outcome"),
)
GRAPHQL_SECONDS = Histogram(
    "maestro_graphql_operation_duration_seconds",
    "Time of GraphQL operations, by their type, their one root field (a name of the schema) and how they ended.",
    ("graphql_operation_type", "graphql_root_field", "outcome"),
    buckets=SECONDS,
)
MESSAGES_SENT = Counter(
    "messaging_client_sent_messages", "Messages sent to streams.", ("messaging_system", "messaging_destination_name")
)
MESSAGES_CONSUMED = Counter(
    "messaging_client_consumed_messages",
    "Messages read from streams.",
    ("messaging_system", "messaging_destination_name"),
)
MESSAGE_PROCESS_SECONDS = Histogram(
    "messaging_process_duration_seconds",
    "From a batch of messages taken in hand to its executions being in the runner's.",
    ("messaging_system", "messaging_destination_name"),
    buckets=SECONDS,
)
DATABASE_SECONDS = Histogram(
    "db_client_operation_duration_seconds",
    "Time of statements and transactions, by the name that the code gives them.",
    ("db_system_name", "db_operation_name"),
    buckets=DATABASE_BUCKETS_S,
)
DATABASE_FAILURES = Counter(
    "maestro_database_failures",
    "Statements and transactions that PostgreSQL did not carry out, by the code of the error that they end with.",
    ("code",),
)
DATABASE_CONNECTIONS = Gauge(
    "db_client_connection_count", "Connections of the pool.", ("db_system_name", "db_client_connection_state")
)
DATABASE_CONNECTIONS_MAX = Gauge("db_client_connection_max", "Connections that the pool may open.", ("db_system_name",))
DATABASE_CONNECTION_WAIT_SECONDS = Histogram(
    "db_client_connection_wait_time_seconds",
    "Time until the pool gave a connection.",
    ("db_system_name",),
    buckets=DATABASE_BUCKETS_S,
)
REDIS_FAILURES = Counter("maestro_redis_failures", "Commands that Redis did not answer, by operation.", ("operation",))
EVENT_LOOP_LAG_SECONDS = Histogram(
    "maestro_event_loop_lag_seconds",
    "How much later than asked for the event loop wakes a sleeper.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
