"""Asynchronous attempts: one task each, with a time limit, under a limit of how many are out at a time."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.actions.interface import Action, ActionContext, Failed, Result
from engine.telemetry.crash_points import reach
from engine.telemetry.logging import log_fields
from engine.telemetry.tracing import exemplar_of, fail
from workers.meters import StepMeters
from workers.tracing import attempting

_log = logging.getLogger(__name__)

TIMEOUT: Final = "action.timeout"
CRASHED: Final = "action.crashed"

Came = Callable[[Result], None]


@dataclass(slots=True)
class Attempt:
    """One attempt, waiting for room or running."""

    action: Action
    context: ActionContext
    came: Came
    task: asyncio.Task[None] | None = None
    is_stopped: bool = False


class Attempts:
    """Runs attempts and hands each outcome to its `came`, once; a stopped one has no outcome."""

    def __init__(self, limit: int, meters: StepMeters) -> None:
        self._limit = limit
        self._meters = meters
        self._running: set[asyncio.Task[None]] = set()
        self._waiting: deque[Attempt] = deque()

    @property
    def out(self) -> int:
        """Attempts that run or wait for room."""
        return len(self._running) + len(self._waiting)

    def start(self, action: Action, context: ActionContext, came: Came) -> Callable[[], object]:
        """Run it now or as soon as there is room. Returns what stops it."""
        attempt = Attempt(action, context, came)
        if len(self._running) < self._limit:
            self._launch(attempt)
        else:
            self._waiting.append(attempt)
        return lambda: self._stop(attempt)

    async def ended(self) -> None:
        """Return when none is out."""
        while self._running:
            await asyncio.wait(list(self._running))

    async def interrupt(self) -> None:
        """Stop all and wait for their ends: what they did outside is for the next holder to decide."""
        self._waiting.clear()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _launch(self, attempt: Attempt) -> None:
        task = asyncio.get_running_loop().create_task(self._run(attempt))
        attempt.task = task
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("The outcome of an attempt could not be taken in.", extra={"action": "attempt"}, exc_info=error)
        while self._waiting and len(self._running) < self._limit:
            attempt = self._waiting.popleft()
            if not attempt.is_stopped:
                self._launch(attempt)

    def _stop(self, attempt: Attempt) -> None:
        attempt.is_stopped = True
        if attempt.task is not None:
            attempt.task.cancel()

    async def _run(self, attempt: Attempt) -> None:
        context = attempt.context
        with log_fields(
            tenant=context.tenant,
            execution_id=str(context.execution_id),
            step_id=context.step_path,
            attempt=context.attempt,
            traceparent=context.traceparent,
        ):
            began = time.perf_counter()
            with attempting(attempt.action.name, context) as span:
                result = await _result(attempt.action, context)
                if isinstance(result, Failed):
                    fail(span, result.code)
            exemplar = exemplar_of(span.get_span_context())
            self._meters.took(attempt.action.name, time.perf_counter() - began, exemplar)
            reach("after_effect")
            attempt.came(result)


async def _result(action: Action, context: ActionContext) -> Result:
    limit_s = None if context.timeout_ms is None else context.timeout_ms / 1000
    scope = asyncio.timeout(limit_s)
    try:
        async with scope:
            return await action.run(context)
    except TimeoutError as error:
        if scope.expired():
            return Failed(TIMEOUT, f"The attempt took longer than {context.timeout_ms} ms.", retryable=True)
        return _crash(action, error)
    except Exception as error:  # noqa: BLE001 - an action is foreign code; its bug is its step's failure
        return _crash(action, error)


def _crash(action: Action, error: Exception) -> Failed:
    _log.error("An action crashed.", extra={"action": "attempt", "action_type": action.name}, exc_info=error)
    return Failed(CRASHED, f"The action {action.name!r} ended with an unexpected {type(error).__name__}.")
