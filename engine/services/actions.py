"""Use cases of actions: what steps of this installation may do."""

from collections.abc import Callable

from engine.definitions.catalogue import ActionCatalogue, ActionEntry
from engine.errors import NotFound
from engine.identity.actor import Actor
from engine.policy.gate import Resource
from engine.services.authority import Authority


class Actions:
    """Reads of the installed actions."""

    def __init__(self, authority: Authority, catalogue: Callable[[], ActionCatalogue]) -> None:
        self._authority = authority
        self._catalogue = catalogue

    async def list(self, actor: Actor) -> tuple[ActionEntry, ...]:
        """All actions, by name."""
        await self._authority.permit(actor, "action.read", Resource("action", None))
        entries = self._catalogue().entries
        return tuple(entries[name] for name in sorted(entries))

    def entry(self, name: str) -> ActionEntry:
        """One action. Config schemas are open to everybody, as that of definitions is.

        Raises:
            NotFound: no action of this name is installed.
        """
        found = self._catalogue().get(name)
        if found is None:
            raise NotFound("action", name)
        return found
