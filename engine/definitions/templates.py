"""The built-in templates: complete, valid documents to start from, and what may be asked of them.

Each is a JSON file in `builtin/`: `id`, `name`, `category`, `description`, the `definition`, a JSON Schema of its
`customisations`, their `defaults`, and the `places` of the definition where one stands that cannot be a variable.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, cast

from engine.definitions.pointers import segments_of
from engine.definitions.schemas import ValueSchema
from engine.errors import ValidationFailed
from engine.jsonvalue import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Template:
    """A document to start from.

    Attributes:
        definition: valid as it stands, with the defaults of all customisations.
        customisations: JSON Schema of what the template itself asks for.
        places: pointers into the definition where a customisation stands; one without places is a variable.
    """

    id: str
    name: str
    category: str
    description: str
    definition: JsonObject
    customisations: JsonObject
    places: Mapping[str, tuple[str, ...]]


def create_from(template: Template, name: str | None, customisations: JsonObject) -> JsonObject:
    """A new document from a template; it is to be checked like any other.

    A customisation that the template asks for goes where it belongs; every other one is a member of the document:
    objects are merged with what stands there, all else replaces it.

    Args:
        template: where to start from; it is not changed.
        name: of the new workflow; None: the template's.
        customisations: by name.

    Raises:
        ValidationFailed: a customisation is not what the template asks for.
    """
    known = cast("JsonObject", template.customisations["properties"])
    asked: JsonObject = {key: value for key, value in customisations.items() if key in known}
    faults = ValueSchema.compile(template.customisations).faults(asked, "/customisations")
    if faults:
        raise ValidationFailed(faults)
    document = deepcopy(template.definition)
    for key, value in asked.items():
        _put(document, template.places.get(key) or (f"/settings/variables/{key}",), value)
    rest: JsonObject = {key: value for key, value in customisations.items() if key not in known}
    result = _merged(document, deepcopy(rest))
    return {**result, "name": name} if name is not None else result


def _put(document: JsonObject, places: tuple[str, ...], value: Json) -> None:
    for place in places:
        *above, last = segments_of(place)
        parent: Json = document
        for segment in above:
            parent = parent[int(segment)] if isinstance(parent, list) else cast("JsonObject", parent)[segment]
        cast("JsonObject", parent)[last] = deepcopy(value)


def _merged(base: JsonObject, changes: JsonObject) -> JsonObject:
    result = dict(base)
    for name, value in changes.items():
        before = result.get(name)
        result[name] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result


def _load() -> Iterator[Template]:
    for file in sorted((files("engine.definitions") / "builtin").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".json"):
            yield _template(json.loads(file.read_text("utf-8")))


def _template(data: JsonObject) -> Template:
    places = {
        key: tuple(map(str, cast("list[Json]", value))) for key, value in cast("JsonObject", data["places"]).items()
    }
    definition = cast("JsonObject", data["definition"])
    settings = cast("JsonObject", definition["settings"])
    settings["variables"] = {}
    for key, value in cast("JsonObject", data["defaults"]).items():
        _put(definition, places.get(key) or (f"/settings/variables/{key}",), value)
    return Template(
        id=str(data["id"]),
        name=str(data["name"]),
        category=str(data["category"]),
        description=str(data["description"]),
        definition=definition,
        customisations=cast("JsonObject", data["customisations"]),
        places=places,
    )


BUILT_IN_TEMPLATES: Final[tuple[Template, ...]] = tuple(_load())
"""Approval, data processing, incident response."""
