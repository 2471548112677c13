"""Links of the OpenAPI document: what can be done with a thing that a call has given."""

from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Any, Final

from engine.jsonvalue import JsonObject
from rest_shim.shapes import members
from rest_shim.table import Method, Reply, Route

_ONE: Final = "/{id}"


class Linker:
    """Knows at which path each kind of thing is found, and what can be done there."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._links: dict[Any, JsonObject] = {}
        for route in routes:
            shape = route.replies[200].shape if 200 in route.replies else None
            if route.method is Method.GET and route.template.endswith(_ONE) and _has_id(shape):
                self._links[shape] = _links(routes, route.template)

    def of(self, reply: Reply) -> JsonObject:
        """Links of a reply whose body is one thing with an id; none where it is not."""
        return self._links.get(reply.shape, {}) if _has_id(reply.shape) else {}


def _has_id(shape: Any) -> bool:
    model: Any = shape if is_dataclass(shape) else None
    return model is not None and any(member.name == "id" for member in members(model))


def _links(routes: Sequence[Route], place: str) -> JsonObject:
    """A link to each operation at a place or below it that needs nothing but the id."""
    links: JsonObject = {}
    for route in routes:
        is_there = route.template == place or route.template.startswith(f"{place}/")
        if is_there and route.template.count("{") == 1:
            links[route.name] = {"operationId": route.name, "parameters": {"id": "$response.body#/id"}}
    return links
