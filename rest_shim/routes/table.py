"""The whole route table."""

from rest_shim.routes import actions, executions, health, schemas, templates, workflows
from rest_shim.table import Route

ROUTES: tuple[Route, ...] = (
    *workflows.ROUTES,
    *executions.ROUTES,
    *templates.ROUTES,
    *actions.ROUTES,
    *schemas.ROUTES,
    *health.ROUTES,
)
