"""The relay to the provenance ledger: versions in order, endings of executions in batches; a loop of its own.

A ledger that is down or slow delays nothing but itself: parcels wait in the outbox and are caught up with later. It may
be told the same twice, and answers with the entry that it has.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar
from uuid import UUID

import orjson

from engine.definitions.semver import parse_version
from engine.errors import MaestroError, Unavailable, ValidationFailed
from engine.jsonvalue import JsonObject, loads
from engine.provenance.ledger_client import BATCH_BYTES, LedgerClient, LedgerEntry
from engine.provenance.sealing import Assembler, Sealable
from engine.store import burials, outbox
from engine.store.burials import LostParcel
from engine.store.claims import ExecutionRef, VersionRef
from engine.store.evidence import EvidenceRows, RegisteredVersion, SealRow, keys_text
from engine.store.hot import HotConnection
from engine.store.outbox import LEDGER_EXECUTION, Parcel
from engine.store.outgoing import LEDGER_VERSION
from engine.telemetry.crash_points import reach
from engine.telemetry.metrics import LEDGER_REGISTRATIONS
from workers.relay_spans import registering

_log = logging.getLogger(__name__)

T = TypeVar("T")
Registered = Sequence[LedgerEntry | str]
"""Per item what the ledger has of it, or why it takes it never."""

AT_ONCE: Final = 200
HIDDEN_S: Final = 5.0
"""Parcels in hand are left alone for so long, and what a killed worker had in hand waits no longer. A slower relay is
overtaken by one that tells the ledger the same."""
PATIENCE_S: Final = 2.0
"""In a burst, executions go first for so long: somebody waits for them, and hardly ever for their evidence."""
SLOWEST_S: Final = 30.0
REFUSED: Final = "ledger.refused"
_KEYID: Final = re.compile(r'"keyid":"([0-9a-f]{64})"')
_PLACE: Final = re.compile(r"/[a-z]+/(\d+)")


class LedgerRelay:
    """Brings the outbox's ledger topics to the ledger and stores what it answers."""

    topics: Final = (LEDGER_VERSION, LEDGER_EXECUTION)

    def __init__(
        self,
        connection: HotConnection,
        client: LedgerClient,
        engine_version: str,
        new_id: Callable[[], UUID],
        calm: Callable[[], Awaitable[object]],
    ) -> None:
        """`calm` returns at a moment when nothing of this worker waits to be committed."""
        self._connection = connection
        self._client = client
        self._rows = EvidenceRows(connection, names_tenants=False)
        self._assembler = Assembler(self._rows, engine_version)
        self._new_id = new_id
        self._calm = calm
        self._keys: dict[str, str] = {}
        self._work = asyncio.Event()
        self._failures = 0

    def wake(self) -> None:
        """Something waits in one of its topics."""
        self._work.set()

    async def run(self) -> None:
        """Relay for ever; after a failure one parcel at a time until one arrives."""
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._let_executions_go_first()
                await self.run_once()
            except MaestroError as error:
                delay_s = min(SLOWEST_S, 2.0 ** min(self._failures - 1, 5))
                facts = {"action": "ledger", "error": error.message, "next_in_s": delay_s}
                _log.warning("The ledger was not told; it will be.", extra=facts)
                await asyncio.sleep(delay_s)
                self._work.set()

    async def _let_executions_go_first(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._calm()

    async def run_once(self) -> int:
        """Relay all that waits, versions first. Returns how many parcels arrived.

        Raises:
            Unavailable: the ledger or the database does not answer; what had arrived is stored.
        """
        arrived = 0
        while parcels := await outbox.take_in_order(self._connection, LEDGER_VERSION, self._limit, HIDDEN_S):
            arrived += await self._deliver(parcels, self._register_versions)
        limit = self._limit
        while parcels := await outbox.take(self._connection, LEDGER_EXECUTION, limit, HIDDEN_S):
            arrived += await self._deliver(parcels, self._register_executions)
            # What has come meanwhile gathers until the next look: a batch costs the same for one parcel and for many.
            if len(parcels) < limit:
                break
            limit = self._limit
        return arrived

    @property
    def _limit(self) -> int:
        return 1 if self._failures else AT_ONCE

    async def _deliver(
        self, parcels: Sequence[Parcel], register: Callable[[Sequence[Parcel]], Awaitable[Mapping[UUID, str]]]
    ) -> int:
        """Register parcels; those that can never be are buried. Those of a ledger in trouble stay in the outbox."""
        try:
            with registering(parcels):
                lost = await register(parcels)
        except MaestroError as error:
            self._failures += 1
            LEDGER_REGISTRATIONS.labels(parcels[0].topic, "failed").inc(len(parcels))
            delay_s = min(SLOWEST_S, 2.0 ** min(parcels[0].attempts, 5))
            await outbox.postpone(self._connection, parcels, delay_s, error.message)
            raise
        reach("registered")
        self._failures = 0
        await outbox.settle(self._connection, [parcel for parcel in parcels if parcel.id not in lost])
        burial = [
            LostParcel(parcel.tenant, parcel.id, self._new_id(), REFUSED, lost[parcel.id])
            for parcel in parcels
            if parcel.id in lost
        ]
        await burials.bury_parcels(self._connection, burial)
        LEDGER_REGISTRATIONS.labels(parcels[0].topic, "registered").inc(len(parcels) - len(burial))
        LEDGER_REGISTRATIONS.labels(parcels[0].topic, "refused").inc(len(burial))
        return len(parcels)

    async def _register_versions(self, parcels: Sequence[Parcel]) -> Mapping[UUID, str]:
        ordered = in_order(parcels)
        manifests = [_manifest(parcel) for parcel in ordered]
        registered = await _all_that_fit(manifests, self._client.register_versions)
        lost: dict[UUID, str] = {}
        known: list[RegisteredVersion] = []
        for parcel, entry in zip(ordered, registered, strict=True):
            if isinstance(entry, str):
                lost[parcel.id] = entry
            else:
                known.append(RegisteredVersion(_version(parcel), entry.index, entry.leaf_hash, entry.proof))
        await self._rows.mark_registered(known)
        return lost

    async def _register_executions(self, parcels: Sequence[Parcel]) -> Mapping[UUID, str]:
        by_ref = {ExecutionRef(parcel.tenant, UUID(parcel.subject_id)): parcel.id for parcel in parcels}
        made, refused = await self._assembler.assemble(tuple(by_ref))
        lost = {by_ref[each.ref]: each.reason for each in refused}
        for batch in _batches(made):
            payloads = [each.payload for each in batch]
            entries = await _all_that_fit(payloads, self._client.register_executions)
            seals: list[SealRow] = []
            for each, entry in zip(batch, entries, strict=True):
                if isinstance(entry, str):
                    lost[by_ref[each.ref]] = entry
                else:
                    seals.append(await self._seal(each, entry))
            await self._rows.keep(seals)
        return lost

    async def _seal(self, each: Sealable, entry: LedgerEntry) -> SealRow:
        envelope = entry.envelope or ""
        return SealRow(
            ref=each.ref,
            last_seq=each.last_seq,
            log_index=entry.index,
            leaf_hash=entry.leaf_hash,
            envelope=envelope,
            proof=entry.proof,
            keys=await self._keys_of(envelope),
            policy_decisions=each.policy_decisions,
            human_tasks=each.human_tasks,
        )

    async def _keys_of(self, envelope: str) -> str:
        """The public keys that an envelope names; new ones are asked for."""
        names = _KEYID.findall(envelope, envelope.rfind('"signatures"'))
        if not all(name in self._keys for name in names):
            answer = await self._client.read("/keys", {})
            try:
                self._keys = {each["keyid"]: each["publicKey"] for each in orjson.loads(answer.body)["keys"]}
            except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                raise Unavailable("ledger", "The ledger's keys cannot be read.", code="ledger.unavailable") from error
        missing = [name for name in names if name not in self._keys]
        if missing:
            raise Unavailable("ledger", f"The ledger does not show its key {missing[0]}.", code="ledger.unavailable")
        return keys_text({name: self._keys[name] for name in names})


def in_order(parcels: Sequence[Parcel]) -> list[Parcel]:
    """Versions as they came, and those of one workflow by their numbers: clocks of publishers may differ."""
    by_workflow: dict[tuple[str, str], list[Parcel]] = {}
    for parcel in parcels:
        by_workflow.setdefault((parcel.tenant, str(_version(parcel).workflow_id)), []).append(parcel)
    queues = {
        key: iter(sorted(found, key=lambda parcel: parse_version(_version(parcel).version)))
        for key, found in by_workflow.items()
    }
    return [next(queues[parcel.tenant, str(_version(parcel).workflow_id)]) for parcel in parcels]


async def _all_that_fit(
    items: Sequence[T], register: Callable[[Sequence[T]], Awaitable[list[LedgerEntry]]]
) -> Registered:
    """Register items in one batch, without those that the ledger refuses for what they are.

    Raises:
        Unavailable: the ledger does not answer, or its refusal does not say of what.
    """
    found: dict[int, LedgerEntry | str] = {}
    while left := [place for place in range(len(items)) if place not in found]:
        try:
            entries = await register([items[place] for place in left])
        except ValidationFailed as refused:
            named = {
                left[int(match[1])]: fault.message for fault in refused.faults if (match := _PLACE.match(fault.path))
            }
            if not named:
                raise Unavailable("ledger", f"The ledger refuses: {refused.message}", code=REFUSED) from refused
            found.update(named)
        else:
            found.update(zip(left, entries, strict=True))
    return [found[place] for place in range(len(items))]


def _batches(made: Sequence[Sealable]) -> list[list[Sealable]]:
    batches: list[list[Sealable]] = []
    size = BATCH_BYTES
    for each in made:
        if size + len(each.payload) > BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(each)
        size += len(each.payload)
    return batches


def _version(parcel: Parcel) -> VersionRef:
    payload = parcel.payload if isinstance(parcel.payload, dict) else {}
    return VersionRef(parcel.tenant, UUID(str(payload.get("workflowId"))), str(payload.get("version")))


def _manifest(parcel: Parcel) -> JsonObject:
    """The manifest as it was stored; its canonical form is the leaf."""
    payload = parcel.payload if isinstance(parcel.payload, dict) else {}
    manifest = payload.get("manifest")
    found = loads(manifest) if isinstance(manifest, str) else manifest
    return found if isinstance(found, dict) else {}
