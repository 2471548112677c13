"""Faults of action steps: actions that nobody has registered, and configs that their action cannot use."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import cast

import jsonschema_rs
from jsonschema.exceptions import ValidationError

from engine.definitions.catalogue import ActionCatalogue
from engine.definitions.faults import FaultCode, fault
from engine.definitions.interpolation import Constant, TemplateError, compile_template
from engine.definitions.keywords import RETRY_BUDGET, FaultMaker, RetryBudget
from engine.definitions.notifications import placed
from engine.definitions.outline import Graph, Place
from engine.definitions.pointers import pointer
from engine.definitions.shape import faults_of_error
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject


def action_faults(document: JsonObject, graphs: Sequence[Graph], catalogue: ActionCatalogue) -> Iterator[Fault]:
    """Every fault of the action steps (and their probes) and of the notifications of a document."""
    check = _ActionCheck(document, catalogue)
    for graph in graphs:
        for node in (*graph.nodes.values(), *graph.repeated):
            if node.type == "action":
                place = (*node.place, "config")
                yield from check.faults(f"Step '{node.id}'", node.config, place)
                probe = node.config.get("probe")
                if isinstance(probe, dict):
                    yield from check.faults(f"Step '{node.id}'", probe, (*place, "probe"))
    for who, notification, place in placed(document, graphs):
        yield from check.faults(who, notification, place)


class _ActionCheck:
    def __init__(self, document: JsonObject, catalogue: ActionCatalogue) -> None:
        self._document = document
        self._catalogue = catalogue

    def faults(self, who: str, config: JsonObject, place: Place) -> Iterator[Fault]:
        name = config.get("actionType")
        if not isinstance(name, str):
            return
        entry = self._catalogue.get(name)
        if entry is None:
            close = get_close_matches(name[:200], self._catalogue.entries, 1)
            hint = f"Did you mean '{close[0]}'?" if close else None
            message = f"{who} asks for the action '{name[:200]}', which nobody has registered."
            yield fault(FaultCode.ACTION_UNKNOWN, pointer(*place, "actionType"), message, hint)
            return
        action_config = config.get("actionConfig", {})
        if not isinstance(action_config, dict):
            return
        # A missing actionConfig is the fault of the config that lacks it.
        below = (*place, "actionConfig") if "actionConfig" in config else place
        if not _validator(self._catalogue, name).is_valid(action_config):
            for error in FaultMaker(entry.config_schema).iter_errors(action_config):
                if not _may_be_right_when_rendered(error):
                    yield from self._renamed(error, below, name)
        for found in entry.more_faults(_literal(action_config)) if entry.more_faults else ():
            path = pointer(*below) + found.path
            yield fault(FaultCode.ACTION_CONFIG_INVALID, path, f"{who}: {found.message}", found.hint)

    def _renamed(self, error: ValidationError, place: Place, action: str) -> Iterator[Fault]:
        for found in faults_of_error(error, self._document, place):
            hint = f"{found.hint} The schema of '{action}' is at /api/schemas/actions/{action}."
            yield fault(FaultCode.ACTION_CONFIG_INVALID, found.path, found.message, hint)


@lru_cache(maxsize=256)
def _validator(catalogue: ActionCatalogue, name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        catalogue.entries[name].config_schema, offline=True, keywords={RETRY_BUDGET: RetryBudget}
    )


def _may_be_right_when_rendered(error: ValidationError) -> bool:
    """True when the refused value is a template: what it will be is not known yet.

    A member that is missing or unknown stays so, whatever the others render to.
    """
    if error.validator in {"required", "additionalProperties", "unevaluatedProperties", "dependentRequired"}:
        return False
    return _has_template(cast("Json", error.instance))


def _literal(config: JsonObject) -> JsonObject:
    """The members that hold no template, as the action will get them."""
    found: JsonObject = {}
    for name, member in config.items():
        try:
            template = compile_template(member)
        except TemplateError:  # a fault of its own
            continue
        if isinstance(template, Constant):
            found[name] = template.value
    return found


def _has_template(value: Json) -> bool:
    if isinstance(value, str):
        return "{{" in value
    if isinstance(value, dict):
        return any(map(_has_template, value.values()))
    return isinstance(value, list) and any(map(_has_template, value))
