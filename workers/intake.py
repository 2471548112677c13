"""The intake: from rings to claimed executions, in batches."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final
from uuid import UUID

from engine.errors import Unavailable
from engine.qos.fairness import FairOrder
from engine.qos.live import LiveQos
from engine.qos.steps import StepBudgets
from engine.queue.bell import StreamBell
from engine.queue.dispatch import Message, Received
from engine.queue.messages import Ring
from engine.queue.streams import DESTINATION
from engine.runtime.events import Event, Inboxed
from engine.runtime.transitions import Transition
from engine.store import checkpoints, claims, flows, inbox, slots
from engine.store.claims import Claimed, ClaimReport, ExecutionRef
from engine.store.hot import HotConnection
from engine.store.inbox import Mail
from engine.store.spans import group
from engine.telemetry.crash_points import reach
from engine.telemetry.metrics import EXECUTION_START_DELAY_SECONDS, LEASES_RESCUED, MESSAGE_PROCESS_SECONDS
from engine.telemetry.tracing import exemplar_among, is_on, sampled_context_of
from workers.acknowledger import Acknowledger
from workers.config import WorkerConfig
from workers.held import Held
from workers.plans import Plans
from workers.quarantine import UNREADABLE, exhausted
from workers.replaying import first_events, replayed
from workers.runner import Runner
from workers.suspects import Suspects
from workers.tracing import begin as begin_trace
from workers.tracing import reason_of

_log = logging.getLogger(__name__)

BUSY_AGAIN_S: Final = 0.05
BUSY_TRIES: Final = 20
"""An execution that somebody locks is looked at again for about a second; after that the sweep has it."""
RETRY_S: Final = 0.2
SCARCE_S: Final = 0.05
"""Between two looks at the queue while there is more to do than room."""


class Intake:
    """Gathers rings from wherever they come, claims what is free, passes on what others hold, and acknowledges.

    While there is room, executions are taken as they are rung for. Once room is scarce, rings no longer say who is
    next: the queue in PostgreSQL is asked, flow by flow, and each gets its share (`engine.qos.fairness`).
    """

    def __init__(  # noqa: PLR0913 - its collaborators, each a different one
        self,
        *,
        worker_id: UUID,
        connection: HotConnection,
        runner: Runner,
        plans: Plans,
        bell: StreamBell,
        acknowledger: Acknowledger,
        config: WorkerConfig,
        settled: Callable[[], Awaitable[None]],
        qos: LiveQos,
        steps: StepBudgets,
    ) -> None:
        self._worker_id = worker_id
        self._connection = connection
        self._runner = runner
        self._plans = plans
        self._bell = bell
        self._acknowledger = acknowledger
        self._config = config
        self._settled = settled
        self._qos = qos
        self._steps = steps
        self._order = FairOrder()
        self._is_scarce = False
        self._in_hand: Mapping[ExecutionRef, Sequence[Message]] = {}
        self._taken_ns = 0
        self._ended: dict[ExecutionRef, None] = {}
        self._granted: dict[ExecutionRef, None] = {}
        self._wanted: dict[ExecutionRef, list[Message]] = {}
        self._busy: dict[ExecutionRef, int] = {}
        self._suspects = Suspects(self.offer)
        self._wake = asyncio.Event()
        self._is_stopped = False
        self.on_offered: Callable[[ExecutionRef], None] = lambda _ref: None

    @property
    def room(self) -> int:
        """How many executions more may be taken now."""
        return max(0, self._config.held_limit - self._runner.held - len(self._wanted))

    def offer(self, refs: Iterable[ExecutionRef]) -> None:
        """Look at these executions soon."""
        for ref in refs:
            self._wanted.setdefault(ref, [])
        if self._wanted:
            self._wake.set()

    def receive(self, received: Received) -> None:
        """Look at what a read of the streams brought; each message is acknowledged when it is needless."""
        for message in received.messages:
            if isinstance(message, Ring):
                self._wanted.setdefault(ExecutionRef(message.tenant, message.execution_id), []).append(message)
        own = [ExecutionRef(tenant, execution_id) for tenant, execution_id in received.own]
        self.offer(own)
        for ref in own:
            if self._runner.get(ref.id) is None:  # told of what another worker holds: that one may lend
                self.on_offered(ref)

    def proven(self, execution_id: UUID) -> None:
        """An execution has made progress, or is gone: were it a suspect, the next ones may be taken."""
        self._suspects.cleared(execution_id)

    def grew_scarce(self) -> None:
        """There is more to do than room."""
        self._is_scarce = True
        self._wake.set()

    def slot_freed(self, ref: ExecutionRef) -> None:
        """An execution has ended that held a slot of its workflow."""
        self._ended[ref] = None
        self._wake.set()

    def slots_granted(self, refs: Iterable[ExecutionRef]) -> None:
        """These have got a slot of their workflow and are next."""
        self._granted.update(dict.fromkeys(refs))
        if self._granted:
            self._wake.set()

    def stop(self) -> None:
        """Take nothing more; messages that are not acknowledged come to others."""
        self._is_stopped = True
        self._wanted.clear()

    async def run(self) -> None:
        """Take for ever."""
        while True:
            try:
                taken = await self.run_once()
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                continue
            if not taken:
                self._wake.clear()
                await self._woken()

    async def _woken(self) -> None:
        """Return when there may be something to take; while room is scarce nobody rings when there is some again."""
        try:
            async with asyncio.timeout(SCARCE_S if self._is_scarce else None):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def run_once(self) -> int:
        """Take one batch of what is wanted. Returns how many executions were looked at.

        Raises:
            Unavailable: the database does not answer; all of the batch is still wanted.
        """
        if self._is_stopped:
            return 0
        looked_at = await self._take_rung() + await self._hand_out_slots()
        if self.room == 0:
            self._is_scarce = True
        return looked_at + await self._fill() if self._is_scarce else looked_at

    async def _take_rung(self) -> int:
        # Taken out first: a ring that comes while the batch is under way must be heard again after it.
        batch = {ref: self._wanted.pop(ref) for ref in list(self._wanted)[: self._config.claim_batch]}
        if not batch:
            return 0
        began = time.perf_counter()
        self._in_hand, self._taken_ns = batch, time.time_ns()
        try:
            await self._look_at(batch)
        except BaseException:
            for ref, messages in batch.items():
                self._wanted.setdefault(ref, []).extend(messages)
            raise
        finally:
            self._in_hand = {}
        _PROCESSING.observe(time.perf_counter() - began, exemplar_among(_brought(chain.from_iterable(batch.values()))))
        reach("before_ack")
        self._acknowledger.acknowledge(message for messages in batch.values() for message in messages)
        return len(batch)

    async def _look_at(self, refs: Iterable[ExecutionRef]) -> None:
        mine: list[ExecutionRef] = []
        others: list[ExecutionRef] = []
        for ref in refs:
            if not self._runner.is_ending(ref.id):
                (others if self._runner.get(ref.id) is None else mine).append(ref)
        if mine:
            await self._deliver(mine)
        if others:
            await self._claim(await self._due(others))

    async def _due(self, refs: Sequence[ExecutionRef]) -> Sequence[ExecutionRef]:
        """Those to be taken now. What only stands in the queue waits for its turn while room or steps are scarce."""
        over = {tenant for tenant in {ref.tenant for ref in refs} if self._steps.is_any_over(tenant)}
        if not self._is_scarce and not over:
            return refs
        doubtful = refs if self._is_scarce else [ref for ref in refs if ref.tenant in over]
        queued = await flows.only_queued(self._connection, doubtful)
        self._is_scarce = self._is_scarce or bool(queued)
        return [ref for ref in refs if ref not in queued]

    async def _fill(self) -> int:
        """Take who is next by right while room is scarce. Returns how many."""
        count = min(self.room, self._config.claim_batch)
        if count == 0:
            return 0
        found = await flows.waiting(self._connection, count)
        waiting = {
            flow: [ref for ref in refs if not self._suspects.is_waiting(ref)]
            for flow, refs in found.items()
            if not self._steps.is_over(flow.qos_class, flow.tenant)
        }
        chosen = self._order.choose(waiting, count, self._qos.current.weights)
        if chosen:
            await self._claim(chosen)
        if len(chosen) < count and len(waiting) == len(found):
            self._is_scarce = False
        return len(chosen)

    async def _hand_out_slots(self) -> int:
        """Give the slots of ended executions to those that wait for them, and take who has got one."""
        if self._ended:
            ended, self._ended = self._ended, {}
            try:
                self.slots_granted(await slots.release(self._connection, list(ended)))
            except Unavailable:
                self._ended.update(ended)
                raise
        granted, self._granted = self._granted, {}
        if granted:
            try:
                await self._claim(list(granted))
            except Unavailable:
                self._granted.update(granted)
                raise
        return len(granted)

    async def _deliver(self, mine: Sequence[ExecutionRef]) -> None:
        mails = await self._mail(mine, _brought(self._rings_for(mine)))
        for execution_id, mail in mails.items():
            held = self._runner.get(execution_id)
            if held is not None:
                self._runner.deliver(held, mail.readable)

    async def _claim(self, refs: Sequence[ExecutionRef]) -> None:
        if not refs:
            return
        room = self._suspects.room
        with group("UPDATE", "executions", map(sampled_context_of, _brought(self._rings_for(refs)))):
            report = await claims.claim(self._connection, self._worker_id, refs, suspects_at_most=room)
        reach("after_claim")
        if report.claimed:
            _count(report.claimed)
            await self._begin(report)
        self._suspects.wait(report.suspects)
        for found in report.elsewhere:
            self._bell.forward(found.owner, found.ref.tenant, found.ref.id)
        if report.final:
            tenants, ids = [ref.tenant for ref in report.final], [ref.id for ref in report.final]
            await inbox.discard_of_final(self._connection, tenants, ids)
        self._again(report.busy)
        if report.limited:
            self.slots_granted(await slots.take_for(self._connection, report.limited))

    async def _begin(self, report: ClaimReport) -> None:
        """Load what the claimed executions need and hand them to the runner. The claim stands: nothing may be lost.

        When the database goes away in between, the executions are held by this worker and in nobody's hands; they are
        loaded as soon as it is back.
        """
        while True:
            try:
                ready = await self._load(report.claimed)
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                continue
            break
        # One that may kill the process comes last: the others have their first commit under way by then.
        for held, events, mail in sorted(ready, key=lambda entry: entry[0].claimed.deliveries):
            if held.claimed.deliveries > claims.SUSPECT_AFTER:
                self._suspects.took(held.ref.id)
                await self._settled()
            if is_on():
                rung_by, reason = self._in_hand.get(held.ref, ()), reason_of(held.claimed, mail)
                held.trace = begin_trace(held.claimed, rung_by, reason, self._taken_ns, held.latest)
            self._runner.begin(held, events, mail)

    async def _load(self, claimed: Sequence[Claimed]) -> list[tuple[Held, list[Event], Sequence[Inboxed]]]:
        plans = await self._plans.load(found.version_ref for found in claimed)
        resumed = [found for found in claimed if found.last_seq]
        with_mail = [found for found in claimed if found.has_mail]
        histories = await self._histories(resumed) if resumed else {}
        told_by = (found.traceparent for found in with_mail)
        mails = await self._mail([found.ref for found in with_mail], told_by) if with_mail else {}
        ready: list[tuple[Held, list[Event], Sequence[Inboxed]]] = []
        for found in claimed:
            if found.deliveries > self._config.max_deliveries:
                self._runner.quarantine(found, found.last_seq, exhausted(found.deliveries))
                continue
            held = replayed(found, plans.get(found.version_ref), histories.get(found.id, []))
            if held is None:
                self._runner.quarantine(found, found.last_seq, UNREADABLE)
                continue
            ready.append((held, *first_events(held, mails.get(found.id, Mail(())).readable)))
        return ready

    async def _histories(self, resumed: Sequence[Claimed]) -> dict[UUID, list[Transition]]:
        with group("SELECT", "step_checkpoints", (sampled_context_of(found.traceparent) for found in resumed)):
            return await checkpoints.histories(self._connection, [found.ref for found in resumed])

    async def _mail(self, refs: Sequence[ExecutionRef], traceparents: Iterable[str | None]) -> dict[UUID, Mail]:
        with group("SELECT", "execution_inbox", map(sampled_context_of, traceparents)):
            mails = await inbox.collect(self._connection, [ref.tenant for ref in refs], [ref.id for ref in refs])
        for execution_id, mail in mails.items():
            for letter in mail.unreadable:
                facts = {"execution_id": str(execution_id), "kind": letter.kind, "cause": letter.cause}
                _log.error("A row of an inbox cannot be read and is left there.", extra={"action": "mail", **facts})
        return mails

    def _rings_for(self, refs: Iterable[ExecutionRef]) -> Iterator[Message]:
        """What of the messages in hand speaks of these; none where the sweep or the queue did."""
        return chain.from_iterable(self._in_hand.get(ref, ()) for ref in refs)

    def _again(self, refs: Iterable[ExecutionRef]) -> None:
        """What somebody locks just now is looked at again shortly."""
        again = [ref for ref in refs if self._busy.get(ref, 0) < BUSY_TRIES]
        self._busy = {ref: self._busy.get(ref, 0) + 1 for ref in again}
        if again and not self._is_stopped:
            asyncio.get_running_loop().call_later(BUSY_AGAIN_S, self.offer, again)


def _brought(messages: Iterable[Message]) -> Iterator[str | None]:
    """The trace contexts of whoever rang."""
    return (message.traceparent for message in messages if isinstance(message, Ring))


def _count(claimed: Iterable[Claimed]) -> None:
    """Count rescues, and how long those waited that are taken for the first time."""
    for found in claimed:
        if found.rescued:
            LEASES_RESCUED.inc()
        elif found.last_seq == 0:
            delay_s = max(0.0, (found.started_at - found.created_at).total_seconds())
            exemplar = exemplar_among((found.traceparent,))
            EXECUTION_START_DELAY_SECONDS.labels(found.qos_class).observe(delay_s, exemplar)


_PROCESSING: Final = MESSAGE_PROCESS_SECONDS.labels("redis", DESTINATION)
