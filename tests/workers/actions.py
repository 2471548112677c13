"""Actions that tests hold in their hands."""

import asyncio
from dataclasses import dataclass, field

from engine.actions.interface import ActionContext, Effect, Failed, Result, Succeeded
from engine.jsonvalue import JsonObject


@dataclass(slots=True)
class Gate:
    """An asynchronous action that waits until the test opens it."""

    name: str = "gate"
    effect: Effect = Effect.WRITE
    config_schema: JsonObject = field(default_factory=lambda: {"type": "object"})
    calls: list[ActionContext] = field(default_factory=list)
    stopped: int = 0
    called: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_called(self, times: int) -> None:
        while len(self.calls) < times:
            self.called.clear()
            await self.called.wait()

    async def run(self, context: ActionContext) -> Result:
        self.calls.append(context)
        self.called.set()
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        return Succeeded({"calls": len(self.calls)})


@dataclass(slots=True)
class Turnstile:
    """An asynchronous action through which the test lets one call after another."""

    name: str = "turnstile"
    effect: Effect = Effect.WRITE
    config_schema: JsonObject = field(default_factory=lambda: {"type": "object"})
    calls: list[ActionContext] = field(default_factory=list)
    tokens: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    called: asyncio.Event = field(default_factory=asyncio.Event)

    def let_through(self, count: int) -> None:
        for _ in range(count):
            self.tokens.release()

    async def until_called(self, times: int) -> None:
        while len(self.calls) < times:
            self.called.clear()
            await self.called.wait()

    async def run(self, context: ActionContext) -> Result:
        self.calls.append(context)
        self.called.set()
        await self.tokens.acquire()
        return Succeeded({})


@dataclass(slots=True)
class Answer:
    """An inline action that gives a fixed result."""

    result: Result
    name: str = "answer"
    effect: Effect = Effect.WRITE
    config_schema: JsonObject = field(default_factory=lambda: {"type": "object"})
    error: Exception | None = None

    def compute(self, context: ActionContext) -> Result:
        del context
        if self.error is not None:
            raise self.error
        return self.result


UNSTORABLE = Failed("answer.nul", "a NUL \x00 that no text column takes", details={"why": "\x00"})
