"""Decisions of policy to a log outside, in the format of OPA's decision log service.

Format: openpolicyagent.org/docs/management-decision-logs. What is sent is what the table has: masked before it was
written.
"""

import asyncio
import gzip
import logging
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

import httpx
import orjson

from engine.clock import rfc3339
from engine.errors import Unavailable
from engine.jsonvalue import Json, JsonObject
from engine.store import decisions
from engine.store.decisions import DecisionRow
from engine.store.hot import HotConnection
from engine.store.outbox import POLICY_DECISION, Parcel
from workers.relay import Relay

_log = logging.getLogger(__name__)

TIMEOUT_S: Final = 10.0
APP: Final = "maestro-composer-backend"
BUNDLE: Final = "maestro"


class DecisionPublisher:
    """Sends decisions in gzipped arrays; the sink may be told the same twice and knows it by `decision_id`."""

    topic = POLICY_DECISION

    def __init__(self, connection: HotConnection, client: httpx.AsyncClient, url: str) -> None:
        self._connection = connection
        self._client = client
        self._url = url

    async def publish(self, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
        """Send the decisions that the parcels name.

        Raises:
            Unavailable: the sink has not taken them, or the database does not answer.
        """
        rows = await decisions.find(self._connection, [(one.tenant, UUID(one.subject_id)) for one in parcels])
        body = gzip.compress(orjson.dumps([decision_event(row) for row in rows]), compresslevel=1)
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        try:
            response = await self._client.post(self._url, content=body, headers=headers, timeout=TIMEOUT_S)
        except httpx.HTTPError as error:
            raise Unavailable("decision log", f"The decision log does not answer: {type(error).__name__}.") from error
        if not response.is_success:
            raise Unavailable("decision log", f"The decision log answered {response.status_code}.")
        return ()


class DecisionLog:
    """A loop of its own: a slow sink delays nothing but itself."""

    topics: Final = (POLICY_DECISION,)

    def __init__(
        self, connection: HotConnection, client: httpx.AsyncClient, url: str, new_id: Callable[[], UUID]
    ) -> None:
        self._relay = Relay(connection, (DecisionPublisher(connection, client, url),), new_id)
        self._work = asyncio.Event()

    def wake(self) -> None:
        """Something waits in its topic."""
        self._work.set()

    async def run(self) -> None:
        """Send for ever."""
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self.run_once()
            except Unavailable as error:
                _log.warning("Decisions were not sent; they will be.", extra={"action": "relay", "error": error.code})

    async def run_once(self) -> int:
        """Send what waits. Returns how many decisions arrived.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self._relay.run_once(self.topics)


def decision_event(row: DecisionRow) -> JsonObject:
    """A decision as OPA logs one; pointers are into the event."""
    pointers = row.masked if isinstance(row.masked, list) else []
    masked: list[Json] = [f"/input{pointer}" for pointer in pointers]
    event: JsonObject = {
        "labels": {"app": APP, "tenant": row.tenant, "mode": row.mode},
        "decision_id": str(row.id),
        "bundles": {BUNDLE: {"revision": row.policy_revision}},
        "path": row.path,
        "input": row.input,
        "result": row.result,
        "requested_by": row.requested_by,
        "timestamp": rfc3339(row.at),
        "metrics": {} if row.times == 1 else {"counter_equal_decisions": row.times},
        "erased": [],
        "masked": masked,
    }
    traced: JsonObject = {"trace_id": row.trace_id, "span_id": row.span_id}
    return event | {name: value for name, value in traced.items() if value is not None}
