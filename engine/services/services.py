"""All use cases in one value: what the doors are given."""

from dataclasses import dataclass

from engine.services.actions import Actions
from engine.services.analytics import Analytics
from engine.services.audit import Audit
from engine.services.callbacks import Callbacks
from engine.services.connections import Connections
from engine.services.dead_letters import DeadLetters
from engine.services.decision_journal import DecisionJournal
from engine.services.events import Events
from engine.services.evidence import Evidence
from engine.services.executions import Executions
from engine.services.health import Health
from engine.services.human_tasks import HumanTasks
from engine.services.ledger import LedgerMirror
from engine.services.policies import Policies
from engine.services.schedules import Schedules
from engine.services.slots import Slots
from engine.services.templates import Templates
from engine.services.webhook_deliveries import WebhookDeliveries
from engine.services.webhook_secrets import WebhookSecrets
from engine.services.webhooks import Webhooks
from engine.services.workflows import Workflows


@dataclass(frozen=True, slots=True)
class Services:
    """Use cases by noun, and the journal that each call from outside is accounted for in."""

    workflows: Workflows
    executions: Executions
    evidence: Evidence
    ledger: LedgerMirror
    human_tasks: HumanTasks
    dead_letters: DeadLetters
    slots: Slots
    templates: Templates
    actions: Actions
    connections: Connections
    webhooks: Webhooks
    callbacks: Callbacks
    webhook_secrets: WebhookSecrets
    webhook_deliveries: WebhookDeliveries
    schedules: Schedules
    events: Events
    analytics: Analytics
    audit: Audit
    policies: Policies
    journal: DecisionJournal
    health: Health
