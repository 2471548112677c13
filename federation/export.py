"""Writes the committed descriptions of the doors: `python -m federation.export`; the tests hold them to the code."""

import sys
from pathlib import Path

import orjson
from graphql import REMOVE, FieldDefinitionNode, Node, TypeDefinitionNode, Visitor, parse, print_ast, visit

from federation.app import graph_config
from federation.config import AppConfig
from federation.sample.schema import build_schema as build_sample_schema
from resolvers.graph import build_schema
from rest_shim.openapi import openapi
from rest_shim.routes.table import ROUTES

ROOT = Path(__file__).parent.parent
SDL = ROOT / "schema" / "composer.graphql"
RELEASED = ROOT / "schema" / "released.graphql"
"""The schema that clients have; only a release replaces it. What breaks it fails the tests."""
SAMPLE_SDL = ROOT / "federation" / "sample" / "teams.graphql"
OPENAPI = ROOT / "rest_shim" / "openapi.json"
FEDERATIONS_OWN = {"_entities", "_service", "_Any", "_Entity", "_Service"}


class _WithoutFederation(Visitor):
    """Leaves out what federation adds by itself to every subgraph."""

    def enter(self, node: Node, *_args: object) -> object:
        """Look at one node."""
        is_own = isinstance(node, FieldDefinitionNode | TypeDefinitionNode) and node.name.value in FEDERATIONS_OWN
        return REMOVE if is_own else None


def without_federation(text: str) -> str:
    """An SDL without federation's own fields and types: what composition reads and people compare."""
    return print_ast(visit(parse(text), _WithoutFederation())) + "\n"


def sdl() -> str:
    """The subgraph's schema."""
    return without_federation(build_schema(graph_config(AppConfig())).as_str())


def sample_sdl() -> str:
    """The schema of the sample subgraph."""
    return without_federation(build_sample_schema().as_str())


def openapi_text() -> str:
    """The OpenAPI document, laid out for people to compare."""
    document = openapi(ROUTES, AppConfig().version)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


def main(*options: str) -> None:
    """Write the files; with `--release` also the schema that later ones are compared with."""
    if "--release" in options:
        RELEASED.write_text(sdl(), "utf-8")
    SDL.write_text(sdl(), "utf-8")
    SAMPLE_SDL.write_text(sample_sdl(), "utf-8")
    OPENAPI.write_text(openapi_text(), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
