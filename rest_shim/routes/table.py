"""The whole route table."""

from rest_shim.routes import (
    actions,
    analytics,
    callbacks,
    connections,
    dead_letters,
    evidence,
    executions,
    governance,
    health,
    human_tasks,
    ledger,
    schedules,
    schemas,
    slots,
    templates,
    webhooks,
    workflows,
)
from rest_shim.table import Route

ROUTES: tuple[Route, ...] = (
    *workflows.ROUTES,
    *executions.ROUTES,
    *human_tasks.ROUTES,
    *evidence.ROUTES,
    *dead_letters.ROUTES,
    *slots.ROUTES,
    *templates.ROUTES,
    *actions.ROUTES,
    *connections.ROUTES,
    *webhooks.ROUTES,
    *schedules.ROUTES,
    *callbacks.ROUTES,
    *ledger.ROUTES,
    *governance.ROUTES,
    *analytics.ROUTES,
    *schemas.ROUTES,
    *health.ROUTES,
)
