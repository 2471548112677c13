"""Metrics of the engine: every name and label in one place, so that dashboards and tests can be held against it.

Labels are bounded: never ids, never names that clients choose.
"""

from prometheus_client import Counter, Gauge, Histogram

POLICY_DECISION_SECONDS = Histogram(
    "maestro_policy_decision_seconds",
    "Time of one policy evaluation.",
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1),
)
POLICY_DECISIONS = Counter("maestro_policy_decisions", "Decisions by action and outcome.", ("action", "outcome"))
POLICY_REMEMBERED = Counter("maestro_policy_remembered", "Decisions taken from memory: the same was asked before.")
POLICY_OVER_BUDGET = Counter("maestro_policy_over_budget", "Evaluations that took longer than their time budget.")
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
QOS_RELOADS = Counter("maestro_qos_reloads", "Files of limits that were offered, by outcome.", ("outcome",))
ADMISSION_REFUSALS = Counter(
    "maestro_admission_refusals", "Starts of executions refused, by class and reason.", ("qos_class", "reason")
)
QUEUE_DEPTH = Gauge("maestro_queue_depth", "Executions that wait to be taken, by class.", ("qos_class",))
QUEUE_OLDEST_SECONDS = Gauge("maestro_queue_oldest_seconds", "The longest wait in the queue, by class.", ("qos_class",))
