from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from engine.definitions.catalogue import ActionCatalogue, ActionEffect, ActionEntry
from engine.identity.actor import Actor
from engine.services.assembly import Assembled, Parts, assemble
from engine.services.services import Services
from engine.store.database import Database
from tests.clock import FakeClock
from tests.policy.role_table import RoleTableGate
from tests.services.schedule_bench import Bench, forget_schedules

CATALOGUE = ActionCatalogue.of(
    *(
        ActionEntry(name, {"type": "object"}, ActionEffect.WRITE)
        for name in ("noop", "api", "email", "slack", "jira", "database", "ml", "transform", "validation")
    )
)


@dataclass
class RecordingBell:
    """Remembers for which executions it was rung."""

    rung: list[tuple[str, UUID]] = field(default_factory=list)

    async def ring(self, tenant: str, execution_ids: Sequence[UUID], traceparent: str | None = None) -> None:  # noqa: ARG002
        self.rung.extend((tenant, execution_id) for execution_id in execution_ids)


@dataclass
class Pauses:
    """What an event stream does instead of waiting: the test's own move."""

    move: Callable[[], object] | None = None
    taken: int = 0

    async def pause(self, _execution_id: UUID) -> None:
        self.taken += 1
        if self.move is not None:
            result = self.move()
            if hasattr(result, "__await__"):
                await result


@pytest.fixture
def bell() -> RecordingBell:
    return RecordingBell()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def clock(fake_clock: FakeClock) -> FakeClock:
    return fake_clock


@pytest_asyncio.fixture
async def assembled(
    database: Database, bell: RecordingBell, clock: FakeClock, pauses: Pauses
) -> AsyncIterator[Assembled]:
    parts = Parts(database, bell, RoleTableGate(uuid4), lambda: CATALOGUE, clock, pause=pauses.pause)
    made = assemble(parts)
    yield made
    await made.close()


@pytest.fixture
def services(assembled: Assembled) -> Services:
    return assembled.services


@pytest.fixture
def tenant() -> str:
    """A tenant of its own for each test: databases are shared by a module."""
    return f"t-{uuid4()}"


@pytest.fixture
def editor(tenant: str) -> Actor:
    return Actor(tenant, "ann", frozenset({"editor"}), request_id="req-1", source="10.0.0.9")


@pytest.fixture
def planner(tenant: str) -> Actor:
    """Somebody who makes schedules and also moves them."""
    return Actor(tenant, "ann", frozenset({"editor", "operator"}), request_id="req-1")


@pytest.fixture
def admin(tenant: str) -> Actor:
    return Actor(tenant, "root", frozenset({"admin"}))


@pytest.fixture
def viewer(tenant: str) -> Actor:
    return Actor(tenant, "vic", frozenset({"viewer"}))


@pytest.fixture
def stranger() -> Actor:
    """Somebody with every role, in another tenant."""
    return Actor(f"other-{uuid4()}", "eve", frozenset({"admin"}))


@pytest_asyncio.fixture
async def bench(assembled: Assembled, database: Database, planner: Actor, clock: FakeClock) -> AsyncIterator[Bench]:
    yield Bench(assembled, database, planner, clock)
    await forget_schedules(database, planner)
