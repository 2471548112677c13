"""The gate of a process: its evaluator opened, admitted and watched as long as the process lives."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from engine.clock import Clock
from engine.policy.bundle import VerificationKey
from engine.policy.embedded import EmbeddedEvaluator
from engine.policy.gate import PolicyMode
from engine.policy.policy_gate import PolicyGate
from engine.policy.remote import OpaEvaluator
from engine.policy.watcher import BundleWatcher, open_bundle

log = logging.getLogger(__name__)

WATCH_EVERY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class PolicySource:
    """Where decisions come from.

    Attributes:
        opa_url: a policy server, which then has a bundle of its own; None: `bundle` is evaluated in this process.
        bundle: folder or archive.
        key: what the bundle must be signed with; None: it must not be signed.
    """

    opa_url: str | None
    bundle: Path
    key: VerificationKey | None
    mode: PolicyMode


@dataclass(frozen=True, slots=True)
class OpenedPolicy:
    """The gate, and whether its evaluator answers; None: it is part of this process."""

    gate: PolicyGate
    probe: Callable[[], Awaitable[None]] | None


@asynccontextmanager
async def open_policy(source: PolicySource, clock: Clock, new_id: Callable[[], UUID]) -> AsyncIterator[OpenedPolicy]:
    """The gate, until the context is left; a changed bundle comes into force meanwhile.

    Raises:
        BundleError: the bundle must not come into force; the process must not start.
    """
    if source.mode is PolicyMode.REPORT:
        log.warning("policy only reports: what it would refuse passes", extra={"action": "policy.open"})
    if source.opa_url is not None:
        remote = OpaEvaluator(source.opa_url, clock)
        try:
            yield OpenedPolicy(PolicyGate(remote, clock, new_id, source.mode), remote.probe)
        finally:
            await remote.close()
        return
    bundle = await open_bundle(source.bundle, source.key)
    evaluator = EmbeddedEvaluator(bundle, clock)
    log.info("policy bundle %s is in force", bundle.revision, extra={"action": "policy.open"})
    watching = asyncio.create_task(_watch(BundleWatcher(source.bundle, source.key, evaluator)), name="policy watcher")
    try:
        yield OpenedPolicy(PolicyGate(evaluator, clock, new_id, source.mode), None)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _watch(watcher: BundleWatcher) -> None:
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        try:
            await watcher.run_once()
        except Exception:
            log.exception("the policy bundle could not be looked at", extra={"action": "policy.reload"})
