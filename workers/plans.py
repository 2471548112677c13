"""Compiled plans of published versions, kept by version: a version never changes."""

import logging
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from engine.definitions.building import build_definition
from engine.definitions.catalogue import ActionCatalogue
from engine.jsonvalue import Json
from engine.runtime.plan import Plan, compile_plan
from engine.store.claims import VersionRef, definitions
from engine.store.hot import HotConnection

_log = logging.getLogger(__name__)

KEPT: Final = 1_000


class Plans:
    """Plans by version, the most recently used ones."""

    def __init__(self, connection: HotConnection, catalogue: ActionCatalogue, kept: int = KEPT) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._kept = kept
        self._plans: OrderedDict[VersionRef, Plan] = OrderedDict()

    async def load(self, refs: Iterable[VersionRef]) -> dict[VersionRef, Plan]:
        """Plans of these versions; one is left out whose document is gone or cannot be compiled.

        Raises:
            Unavailable: the database does not answer.
        """
        wanted = set(refs)
        found = {ref: plan for ref in wanted if (plan := self._plans.get(ref)) is not None}
        missing = list(wanted - found.keys())
        if missing:
            for ref, document in (await definitions(self._connection, missing)).items():
                plan = self._compile(ref, document)
                if plan is not None:
                    found[ref] = self._plans[ref] = plan
        for ref in found:
            self._plans.move_to_end(ref)
        while len(self._plans) > self._kept:
            self._plans.popitem(last=False)
        return found

    def _compile(self, ref: VersionRef, document: Json) -> Plan | None:
        try:
            if not isinstance(document, dict):
                raise TypeError("The document is no object.")  # noqa: TRY301 - handled as any other unreadable document
            return compile_plan(build_definition(document, self._catalogue))
        except Exception:  # noqa: BLE001 - whatever is wrong with it, its executions end and no others suffer
            _log.exception(
                "A published version cannot be compiled.",
                extra={"action": "plan", "workflow_id": str(ref.workflow_id), "version": ref.version},
            )
            return None
