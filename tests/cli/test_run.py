"""What `maestro run` watches: every change as it comes, until the execution has ended."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

from engine.runtime.states import StepStatus
from engine.services.values import ExecutionEvent, StepView
from scripts.cli.run import follow

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
STEP = StepView("greet", StepStatus.FAILED, AT, AT, None, None, None, 0, None, None)


async def _events() -> AsyncIterator[ExecutionEvent]:
    for seq, status, step in ((1, "running", None), (2, "failed", STEP), (3, "completed", None)):
        yield ExecutionEvent(seq, AT, UUID(int=1), status, step, None, 1)


def test_it_shows_each_change_and_ends_as_the_execution_does() -> None:
    seen: list[int] = []
    assert asyncio.run(follow(_events(), lambda event: seen.append(event.seq))) == "completed"
    assert seen == [1, 2, 3]
