"""Puts the use cases together from what they work with."""

import asyncio
import random
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from engine.actions.connections.secret_box import SecretBox
from engine.clock import Clock
from engine.definitions.catalogue import ActionCatalogue
from engine.definitions.templates import BUILT_IN_TEMPLATES
from engine.ids import IdFactory
from engine.policy.gate import Gate
from engine.provenance.ledger_client import LedgerClient
from engine.qos.admission import Admission
from engine.qos.buckets import Buckets
from engine.qos.file import Qos
from engine.qos.live import LiveQos
from engine.qos.meters import Meters
from engine.queue.bell import Bell
from engine.queue.changes import Tell
from engine.queue.known_keys import KnownKeys
from engine.services.actions import Actions
from engine.services.analytics import Analytics
from engine.services.audit import Audit
from engine.services.authority import Authority, Recording
from engine.services.callbacks import Callbacks
from engine.services.connections import Connections
from engine.services.controls import Controls
from engine.services.dead_letters import DeadLetters
from engine.services.decision_journal import DecisionJournal
from engine.services.documents import Documents
from engine.services.evidence import Evidence
from engine.services.executions import Executions, Pause, Watch, Watching
from engine.services.folds import Folds
from engine.services.front import Front
from engine.services.health import Health, Probe
from engine.services.human_tasks import HumanTasks
from engine.services.identifiers import uuid7_factory
from engine.services.ledger import LedgerMirror
from engine.services.policies import Policies
from engine.services.published import Published
from engine.services.schedule_sync import ScheduleSync
from engine.services.services import Services
from engine.services.slots import Slots
from engine.services.starts import Starts
from engine.services.task_creation import TaskCreation
from engine.services.task_moves import Moves
from engine.services.task_watches import TaskWatches
from engine.services.templates import Templates
from engine.services.trigger_assembly import Triggers, assemble_triggers
from engine.services.webhook_deliveries import WebhookDeliveries
from engine.services.webhook_secrets import WebhookSecrets
from engine.services.webhooks import Limits, Webhooks
from engine.services.workflows import Workflows
from engine.store.acceptance import Acceptance, Accepted, Announce
from engine.store.database import Database
from engine.telemetry.tracing import is_on

LOOK_AGAIN_S = 0.25
"""How long an event stream waits before it looks for more, where nothing tells it."""


async def look_again(_execution_id: UUID) -> None:
    """Wait for the usual moment."""
    await asyncio.sleep(LOOK_AGAIN_S)


def tell_nobody(_ids: Iterable[UUID]) -> None:
    """Have nobody look: watchers do so by themselves."""


@dataclass(frozen=True, slots=True)
class _Looking:
    """Watches by looking again and again."""

    execution_id: UUID
    pause: Pause

    async def changed(self) -> None:
        """Wait for a moment."""
        await self.pause(self.execution_id)


def _looking(pause: Pause) -> Watch:
    @contextmanager
    def watch(execution_id: UUID) -> Iterator[Watching]:
        yield _Looking(execution_id, pause)

    return watch


def keyless() -> SecretBox:
    """A box of an installation without an encryption key: it keeps no secrets."""
    return SecretBox((), secrets.token_bytes)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the use cases work with.

    Attributes:
        catalogue: the actions of this installation, asked for at each check.
        secret_box: what seals the secrets of connections.
        probes: further dependencies that readiness names, beside the database.
        pause: what an event stream does before it looks for more.
        watch: how streams of executions and tasks learn that there is more; None: they pause and look.
        tell: has those look who watch what was written here.
        recording: how decisions of policy are asked for and kept.
        qos: limits that the operator has set.
        live_qos: the same, where they may change; None: they do not.
        front: what stands before the write of a start; None: budgets alone, counted by this process.
        buckets: what counts against them; None: each process counts by itself.
        drift_window_s: a tick that starts later than this after it was due is late, where its trigger says nothing.
        ledger: the provenance ledger; None: there is none.
    """

    database: Database
    bell: Bell
    gate: Gate
    catalogue: Callable[[], ActionCatalogue]
    clock: Clock
    secret_box: SecretBox = field(default_factory=keyless)
    probes: tuple[tuple[str, Probe], ...] = ()
    pause: Pause = look_again
    watch: Watch | None = None
    tell: Tell = tell_nobody
    recording: Recording = field(default_factory=Recording)
    qos: Qos = field(default_factory=Qos)
    live_qos: LiveQos | None = None
    front: Front | None = None
    buckets: Buckets | None = None
    drift_window_s: int = 5
    ledger: LedgerClient | None = None


@dataclass(frozen=True, slots=True)
class Assembled:
    """The use cases, and what must be closed after them."""

    services: Services
    acceptance: Acceptance
    triggers: Triggers

    async def close(self) -> None:
        """Finish what was taken. The database and the bell are the caller's."""
        await self.acceptance.close()
        await self.services.evidence.close()
        await self.services.journal.close()


def assemble(parts: Parts) -> Assembled:
    """Use cases over the given parts."""
    database, clock = parts.database, parts.clock
    new_id = uuid7_factory(clock)
    journal = DecisionJournal(database, clock, announces=parts.recording.announces)
    authority = Authority(parts.gate, database, new_id, journal, parts.recording)
    documents = Documents(database, parts.catalogue)
    published = Published(database, parts.catalogue)
    acceptance = Acceptance(database, _announcer(parts.bell), announces_decisions=parts.recording.announces)
    qos = parts.live_qos or LiveQos(current=parts.qos)
    front = parts.front or Front(Admission(qos, Meters(clock), random.random), KnownKeys(None, clock))
    starts = Starts(database, acceptance, authority, published, clock, new_id, front)
    controls = Controls(database, authority, published, parts.bell, new_id)
    sync = ScheduleSync(clock, parts.drift_window_s)
    workflows = Workflows(database, authority, documents, sync, clock, new_id)
    triggers = assemble_triggers(database, authority, starts, sync, parts.bell, clock, new_id, parts.drift_window_s)
    limits = Limits(parts.buckets or Buckets(None, clock, random.random), qos)
    ledger = LedgerMirror(parts.ledger)
    services = Services(
        workflows=workflows,
        executions=Executions(
            database, authority, starts, controls, Folds(published), parts.watch or _looking(parts.pause)
        ),
        evidence=Evidence(database, authority),
        ledger=ledger,
        human_tasks=_human_tasks(parts, authority, new_id),
        slots=Slots(database, authority),
        dead_letters=DeadLetters(database, authority, parts.bell, new_id),
        templates=Templates(database, authority, workflows, BUILT_IN_TEMPLATES),
        actions=Actions(authority, parts.catalogue),
        connections=Connections(database, authority, parts.secret_box),
        webhooks=Webhooks(database, starts, parts.secret_box, limits, clock, new_id),
        callbacks=Callbacks(database, authority, parts.secret_box, clock, new_id),
        webhook_secrets=WebhookSecrets(database, authority, parts.secret_box, clock, new_id),
        webhook_deliveries=WebhookDeliveries(database, authority, starts, new_id),
        schedules=triggers.schedules,
        events=triggers.events,
        analytics=Analytics(database, authority, clock),
        audit=Audit(database, authority),
        policies=Policies(database, authority),
        journal=journal,
        health=Health(
            {"postgresql": database.ping, **dict(parts.probes)}, {} if parts.ledger is None else {"ledger": ledger.ping}
        ),
    )
    return Assembled(services, acceptance, triggers)


def _human_tasks(parts: Parts, authority: Authority, new_id: IdFactory) -> HumanTasks:
    database, clock = parts.database, parts.clock
    return HumanTasks(
        database=database,
        authority=authority,
        moves=Moves(database, authority, parts.bell, clock, new_id, parts.tell),
        creation=TaskCreation(database, authority, clock, new_id, parts.tell),
        watches=TaskWatches(database, authority, parts.watch or _looking(parts.pause)),
        clock=clock,
    )


def _announcer(bell: Bell) -> Announce:
    """Rings for executions that were accepted together, once per tenant, or per trace where traces are kept."""

    async def announce(accepted: Sequence[Accepted]) -> None:
        together: dict[tuple[str, str | None], list[UUID]] = {}
        for one in accepted:
            together.setdefault((one.tenant, one.traceparent if is_on() else None), []).append(one.id)
        for (tenant, traceparent), execution_ids in together.items():
            await bell.ring(tenant, execution_ids, traceparent)

    return announce
