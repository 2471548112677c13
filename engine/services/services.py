"""All use cases in one value: what the doors are given."""

from dataclasses import dataclass

from engine.services.actions import Actions
from engine.services.connections import Connections
from engine.services.executions import Executions
from engine.services.health import Health
from engine.services.templates import Templates
from engine.services.workflows import Workflows


@dataclass(frozen=True, slots=True)
class Services:
    """Use cases by noun."""

    workflows: Workflows
    executions: Executions
    templates: Templates
    actions: Actions
    connections: Connections
    health: Health
