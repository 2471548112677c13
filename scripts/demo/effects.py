"""What the receiver's own log says, which nobody in the product can write to."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from engine.jsonvalue import loads


@dataclass(frozen=True, slots=True)
class Effects:
    """Requests of one execution, as the receiver saw them.

    Attributes:
        requests: how often each key came.
        effects: how often each key had an effect.
    """

    requests: Counter[str]
    effects: Counter[str]

    @property
    def once_each(self) -> bool:
        """Whether there were effects at all, and exactly one behind every key that came."""
        return bool(self.requests) and self.effects == Counter(dict.fromkeys(self.requests, 1))


def effects_of(log: Path, execution_id: str) -> Effects:
    """Effects of one execution; its id is the beginning of its idempotency keys."""
    requests: Counter[str] = Counter()
    effects: Counter[str] = Counter()
    for line in log.read_bytes().splitlines() if log.exists() else ():
        entry = loads(line)
        if isinstance(entry, dict) and str(entry.get("key")).startswith(f"{execution_id}:"):
            requests[str(entry["key"])] += 1
            effects[str(entry["key"])] += entry.get("effect") is True
    return Effects(requests, effects)
