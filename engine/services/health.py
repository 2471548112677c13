"""Whether what the process depends on answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from engine.errors import MaestroError

Probe = Callable[[], Awaitable[None]]
PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """One dependency; `message` says what is wrong where it does not answer.

    Attributes:
        is_needed: without it the process cannot do its work; without the others, some of it is only done later.
    """

    name: str
    is_ready: bool
    message: str = ""
    is_needed: bool = True


class Health:
    """Readiness by dependency."""

    def __init__(self, probes: Mapping[str, Probe], spared: Mapping[str, Probe] = MappingProxyType({})) -> None:
        """`spared` are dependencies that the work goes on without."""
        self._probes = probes
        self._spared = spared

    async def check(self) -> tuple[DependencyHealth, ...]:
        """Ask all dependencies at once, two seconds each at most."""
        asked = await asyncio.gather(
            *(self._ask(name, probe) for name, probe in (*self._probes.items(), *self._spared.items()))
        )
        return tuple(replace(each, is_needed=each.name not in self._spared) for each in asked)

    async def _ask(self, name: str, probe: Probe) -> DependencyHealth:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await probe()
        except MaestroError as error:
            return DependencyHealth(name, is_ready=False, message=error.message)
        except TimeoutError:
            return DependencyHealth(name, is_ready=False, message="It does not answer in time.")
        return DependencyHealth(name, is_ready=True)
