"""What every workload is given, and how it waits for executions."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg

from scripts.benchmark.client import Client
from scripts.benchmark.figures import Figure
from scripts.benchmark.stack import Stack

_LOOK_S = 0.02
_PATIENCE_S = 180.0
_LEFT = (
    "select exists (select from executions where tenant_id = 'default' and status in ('queued', 'running')"
    " and workflow_id = $1::uuid)"
)


@dataclass(frozen=True, slots=True)
class Bench:
    """One running product and the hands on it.

    Attributes:
        quick: smaller sizes, so that all figures fit into four minutes.
        limits: of the machine, by name.
    """

    stack: Stack
    connection: asyncpg.Connection
    client: Client
    quick: bool
    limits: dict[str, float]
    say: Callable[[str], None]

    def size(self, whole: int, quick: int) -> int:
        """The size for this run."""
        return quick if self.quick else whole

    async def finished(self, workflow_id: str) -> int:
        """How many executions of a workflow are final; all of them must have completed.

        Raises:
            RuntimeError: one failed.
        """
        row = await self.connection.fetchrow(
            "select count(*) filter (where finished_at is not null) as done,"
            " count(*) filter (where status in ('failed', 'cancelled')) as lost from executions where workflow_id = $1",
            workflow_id,
        )
        if row["lost"]:
            raise RuntimeError(f"{row['lost']} executions did not complete")
        return int(row["done"])

    async def until_finished(self, workflow_id: str, count: int) -> None:
        """Wait until all executions of a workflow have completed, which must be so many at least.

        Raises:
            RuntimeError: they do not, or one failed.
        """
        await self.until(lambda: self._none_left(workflow_id), f"{count} executions")
        if (found := await self.finished(workflow_id)) < count:
            raise RuntimeError(f"{found} of {count} executions are there")

    async def until_sealed(self) -> None:
        """Wait until nothing is left for the ledger, where there is one and a worker that tells it."""
        if self.stack.ledgers and self.stack.workers:
            await self.until(self._is_sealed, "the ledger")

    async def settle(self) -> None:
        """End what a workload has left behind, so that no other pays for it: the ledger's work, and the database's.

        Without the checkpoint PostgreSQL makes new files for its log for as long as it vacuums what was written, and
        each of 16 MiB holds up all commits for some 50 ms; a database that has been in use for a while has old ones.
        """
        await self.until_sealed()
        await self.connection.execute("checkpoint")

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait for a condition, within reason."""
        deadline = time.perf_counter() + _PATIENCE_S
        while not await condition():
            if time.perf_counter() > deadline:
                raise RuntimeError(f"waited {_PATIENCE_S:.0f} s for {what}\n{self.stack.last_words()}")
            await asyncio.sleep(_LOOK_S)

    async def _none_left(self, workflow_id: str) -> bool:
        """Asked often, so it looks only at what has not ended: the look must not be a part of what is measured."""
        return not await self.connection.fetchval(_LEFT, workflow_id)

    async def _is_sealed(self) -> bool:
        return not await self.connection.fetchval("select exists (select from outbox where topic like 'ledger.%')")


Workload = Callable[[Bench], Awaitable[list[Figure]]]
