"""Names of streams. A message only says: look at this execution. PostgreSQL holds everything else."""

from dataclasses import dataclass
from uuid import UUID

GROUP = "workers"
DEAD = "maestro:dead"
DESTINATION = "maestro.dispatch"
"""What telemetry calls all dispatch streams together."""
DEFAULT_SHARDS = 16


@dataclass(frozen=True, slots=True)
class Streams:
    """The dispatch streams, split by execution id; hash tags spread them over the nodes of a cluster."""

    shards: int = DEFAULT_SHARDS

    def of(self, execution_id: UUID) -> str:
        """The stream of an execution. The low bits of a UUIDv7 are random."""
        return f"maestro:{{s{execution_id.int % self.shards}}}:dispatch"

    def all(self) -> tuple[str, ...]:
        """Every dispatch stream."""
        return tuple(f"maestro:{{s{shard}}}:dispatch" for shard in range(self.shards))

    @staticmethod
    def of_worker(worker_id: UUID) -> str:
        """The stream on which one worker is told of executions that it holds."""
        return f"maestro:{{w{worker_id}}}:bell"
