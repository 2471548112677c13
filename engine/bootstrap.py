"""Wires the use cases for a process that serves them. Workers wire themselves (`workers.process`)."""

import asyncio
import logging
import random
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from engine.actions.builtin import load_registry
from engine.actions.connections.secret_box import SecretBox
from engine.actions.connections.values import Connection
from engine.actions.outbound.allow import AllowList
from engine.actions.tools import make_tools
from engine.clock import Clock
from engine.definitions.catalogue import ActionCatalogue
from engine.errors import NotFound
from engine.policy.bundle import BundleError, VerificationKey
from engine.policy.opening import PolicySource, open_policy
from engine.provenance.ledger_client import LedgerClient
from engine.qos.admission import Admission, LoadWatch
from engine.qos.buckets import Buckets, SharedStore
from engine.qos.live import LiveQos
from engine.qos.meters import Meters
from engine.queue.bell import StreamBell
from engine.queue.changes import Listener, Teller
from engine.queue.known_keys import KnownKeys
from engine.queue.link import Link, RedisTrouble, late_link, unavailable
from engine.queue.streams import Streams
from engine.services.assembly import Parts, assemble
from engine.services.authority import Recording
from engine.services.front import Front
from engine.services.identifiers import uuid7_factory
from engine.services.services import Services
from engine.services.trigger_assembly import Triggers
from engine.settings import Settings
from engine.store.database import LOOP_ROLE, Database
from engine.store.hot import HotConnection
from engine.telemetry.loop_lag import watch_loop_lag

_log = logging.getLogger(__name__)

POOL_SIZE = 10
LEDGER_TIMEOUT_S = 10.0
BUILT_IN_POLICY = Path(__file__).parents[1] / "policies"


@asynccontextmanager
async def open_services(settings: Settings, clock: Clock) -> AsyncIterator[Services]:
    """The use cases of a process, until the context is left; calls under way must be finished by then.

    Raises:
        ConfigurationError: a setting cannot be used, or the database acknowledges commits before they are safe.
        Unavailable: PostgreSQL does not answer. Redis may come later: until then readiness names it.
    """
    async with AsyncExitStack() as stack:
        url = settings.database_url
        database = _closed_with(stack, Database.connect(url, application_name="maestro api", pool_size=POOL_SIZE))
        await database.check_durability()
        link = await stack.enter_async_context(late_link(settings.redis_url))
        bell = _closed_with(stack, StreamBell(link, Streams()))
        listener = _closed_with(stack, Listener(settings.redis_url))
        teller = _closed_with(stack, Teller(link))
        tools = _closed_with(stack, make_tools(AllowList.parse(settings.outbound_allow), _NoConnections(), clock))
        catalogue = load_registry(tools).catalogue()
        policy = await stack.enter_async_context(open_policy(policy_source(settings), clock, uuid7_factory(clock)))
        policy_probes = () if policy.probe is None else (("policy", policy.probe),)
        ledger = _ledger(settings)
        if ledger is not None:
            stack.push_async_callback(ledger.close)
        qos = LiveQos(settings.qos_file)
        admission = await _admission(stack, database, link, qos, clock)
        parts = Parts(
            database=database,
            bell=bell,
            gate=policy.gate,
            catalogue=lambda: catalogue,
            clock=clock,
            secret_box=SecretBox(settings.encryption_keys, secrets.token_bytes),
            watch=listener.watch,
            tell=teller.tell,
            probes=(("redis", lambda: _ping(link)), *policy_probes),
            recording=Recording(policy.gate.needs, announces=settings.decision_log_url is not None),
            live_qos=qos,
            front=Front(admission, KnownKeys(link, clock)),
            buckets=Buckets(SharedStore(link), clock, random.random),
            ledger=ledger,
            drift_window_s=settings.schedule_drift_window_seconds,
        )
        yield _closed_with(stack, assemble(parts)).services


@asynccontextmanager
async def open_triggers(
    settings: Settings, clock: Clock, database: Database, link: Link, catalogue: ActionCatalogue, qos: LiveQos
) -> AsyncIterator[Triggers]:
    """What a worker does without a person: schedules and events. Database and link are the caller's.

    Raises:
        ConfigurationError: a setting cannot be used.
    """
    async with AsyncExitStack() as stack:
        bell = _closed_with(stack, StreamBell(link, Streams()))
        policy = await stack.enter_async_context(open_policy(policy_source(settings), clock, uuid7_factory(clock)))
        parts = Parts(
            database=database,
            bell=bell,
            gate=policy.gate,
            catalogue=lambda: catalogue,
            clock=clock,
            live_qos=qos,
            recording=Recording(policy.gate.needs, announces=settings.decision_log_url is not None),
            drift_window_s=settings.schedule_drift_window_seconds,
        )
        yield _closed_with(stack, assemble(parts)).triggers


async def _admission(stack: AsyncExitStack, database: Database, link: Link, qos: LiveQos, clock: Clock) -> Admission:
    """Admission of starts, and the loops that keep its picture of load and limits fresh."""
    meters = Meters(clock, link)
    admission = Admission(qos, meters, random.random)
    watch = LoadWatch(_closed_with(stack, HotConnection(database, LOOP_ROLE)), admission, clock)
    await stack.enter_async_context(running(qos.run(), meters.run(), watch.run(), watch_loop_lag()))
    return admission


class _Closable(Protocol):
    async def close(self) -> None: ...


Opened = TypeVar("Opened", bound=_Closable)


def _closed_with(stack: AsyncExitStack, opened: Opened) -> Opened:
    stack.push_async_callback(opened.close)
    return opened


def _ledger(settings: Settings) -> LedgerClient | None:
    if settings.ledger_url is None:
        return None
    return LedgerClient.connect(settings.ledger_url, settings.ledger_token or "", timeout_s=LEDGER_TIMEOUT_S)


def policy_source(settings: Settings) -> PolicySource:
    """Where the decisions of a process come from.

    Raises:
        BundleError: the key of the bundle's signature cannot be read.
    """
    key: VerificationKey | None = None
    if settings.policy_key_file is not None:
        try:
            text = settings.policy_key_file.read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise BundleError(f"MAESTRO_POLICY_KEY_FILE cannot be read: {error}.") from error
        key = VerificationKey(settings.policy_key_file.name, text, settings.policy_key_algorithm)
    bundle = settings.policy_bundle or BUILT_IN_POLICY
    return PolicySource(settings.opa_url, bundle, key, settings.policy_mode)


async def _ping(link: Link) -> None:
    try:
        await link.commands.ping()
    except RedisTrouble as error:
        raise unavailable(error) from error


@asynccontextmanager
async def running(*loops: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Loops that run beside the use cases until the context is left. One that dies is logged: nothing waits for it."""
    tasks = [asyncio.get_running_loop().create_task(loop) for loop in loops]
    for task in tasks:
        task.add_done_callback(_report)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("A side loop of the process has died.", exc_info=error)


class _NoConnections:
    """A process that serves use cases runs no action; it only knows their names and schemas."""

    async def resolve(self, tenant: str, name: str) -> Connection:  # noqa: ARG002 - the interface of all resolvers
        """Never answers one.

        Raises:
            NotFound: always.
        """
        raise NotFound("connection", name)
