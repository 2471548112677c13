"""What stands before the write of a start: was its key seen, which class is it of, and is there room."""

from engine.qos.admission import Admission
from engine.queue.known_keys import KnownKeys
from engine.services.keys import KEPT
from engine.services.published import Runnable
from engine.store.governance import KeyScope

OUTSIDE = frozenset({"manual", "webhook"})
"""Triggers by which callers start executions: they can come back later. Ticks and events cannot."""


class Front:
    """Nothing here asks the database."""

    def __init__(self, admission: Admission, known_keys: KnownKeys) -> None:
        self._admission = admission
        self._known_keys = known_keys

    async def was_seen(self, scope: KeyScope | None) -> bool:
        """Whether an idempotency key was used lately, as far as Redis knows. PostgreSQL decides in either case."""
        if scope is None:
            return False
        parts = (scope.tenant, scope.principal, scope.route, scope.key)
        return await self._known_keys.was_seen(parts, int(KEPT.total_seconds()))

    def class_of(self, tenant: str, runnable: Runnable) -> str:
        """The class of service of an execution."""
        return self._admission.class_for(tenant, runnable.definition.settings.qos_class)

    def admit(self, tenant: str, trigger_type: str, runnable: Runnable) -> None:
        """Let a start in, and count it.

        Raises:
            RateLimited: over a budget of the tenant's class of service.
            Overloaded: there is more to do than can be kept up with.
        """
        if trigger_type in OUTSIDE:
            self._admission.admit(tenant, self.class_of(tenant, runnable))
