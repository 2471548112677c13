"""The one check that every definition passes: on create, update, publish, import and validate."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from engine.definitions.actionconfigs import action_faults
from engine.definitions.building import build_definition
from engine.definitions.catalogue import ActionCatalogue
from engine.definitions.faults import FaultCode, fault
from engine.definitions.graph import graph_faults
from engine.definitions.limits import MAX_FAULTS, survey
from engine.definitions.model import Definition
from engine.definitions.normaliser import Normalised, normalise
from engine.definitions.outline import graphs_of
from engine.definitions.pointers import pointer
from engine.definitions.references import reference_faults
from engine.definitions.schemas import embedded_schema_faults
from engine.definitions.shape import shape_faults
from engine.definitions.subworkflows import Subworkflow, subworkflow_faults
from engine.definitions.timing import timing_faults
from engine.definitions.triggers import trigger_faults
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Checked:
    """What a document turned out to be.

    Attributes:
        definition: the typed values; None exactly when there are faults.
        normalised: the document in the present form; empty when it is no object.
        faults: all of them, shape faults first, with paths into the document as it was sent.
    """

    definition: Definition | None
    normalised: JsonObject
    faults: tuple[Fault, ...]


def check(
    document: Json,
    catalogue: ActionCatalogue,
    *,
    workflow_id: str | None = None,
    subworkflows: Mapping[str, Subworkflow] | None = None,
) -> Checked:
    """Check a document and compile it.

    Args:
        document: without the members that only the server sets.
        catalogue: the actions of this installation.
        workflow_id: the workflow it belongs to; None while it is being created.
        subworkflows: the published workflows that it may reach (see `called_workflows`), by id; None leaves the check
            of sub-workflows to a later call.
    """
    found = survey(document)
    if not found.is_readable:
        return Checked(None, {}, found.faults)
    normalised = normalise(document)
    if not isinstance(normalised.document, dict):
        message = "The document must be a JSON object."
        return Checked(None, {}, (*found.faults, fault(FaultCode.DOCUMENT_NOT_OBJECT, "", message)))
    faults = list(found.faults)
    if normalised.origins:
        # Folded loops nest deeper than they did as sent.
        folded = survey(normalised.document)
        if not folded.is_readable:
            return Checked(None, normalised.document, _as_sent([*faults, *folded.faults], normalised))
    faults.extend(islice(_faults(normalised.document, catalogue, workflow_id, subworkflows), MAX_FAULTS))
    if faults:
        return Checked(None, normalised.document, _as_sent(faults, normalised))
    return Checked(build_definition(normalised.document, catalogue), normalised.document, ())


def _faults(
    document: JsonObject,
    catalogue: ActionCatalogue,
    workflow_id: str | None,
    subworkflows: Mapping[str, Subworkflow] | None,
) -> Iterator[Fault]:
    yield from shape_faults(document)
    yield from _input_schema_faults(document)
    graphs = graphs_of(document)
    yield from graph_faults(graphs)
    yield from action_faults(document, graphs, catalogue)
    yield from reference_faults(document, graphs)
    yield from timing_faults(document, graphs)
    yield from trigger_faults(document)
    if subworkflows is not None:
        yield from subworkflow_faults(graphs, workflow_id, subworkflows)
    for graph in graphs:
        for node in graph.nodes.values():
            yield from _form_schema_faults(node.config, (*node.place, "config"))


def _input_schema_faults(document: JsonObject) -> tuple[Fault, ...]:
    schema = document.get("inputSchema")
    return embedded_schema_faults(schema, "/inputSchema") if isinstance(schema, dict) else ()


def _form_schema_faults(config: JsonObject, place: tuple[str | int, ...]) -> Iterator[Fault]:
    form = config.get("formConfig")
    fields = form.get("fields") if isinstance(form, dict) else None
    for index, form_field in enumerate(fields if isinstance(fields, list) else ()):
        schema = form_field.get("schema") if isinstance(form_field, dict) else None
        if isinstance(schema, dict):
            yield from embedded_schema_faults(schema, pointer(*place, "formConfig", "fields", index, "schema"))


def _as_sent(faults: list[Fault], normalised: Normalised) -> tuple[Fault, ...]:
    """The faults with paths into the document as sent, each once."""
    return tuple(dict.fromkeys(replace(one, path=normalised.original(one.path)) for one in faults))[:MAX_FAULTS]
