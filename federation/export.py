"""Writes the committed descriptions of the doors: `python -m federation.export`; the tests hold them to the code."""

from pathlib import Path

import orjson

from federation.app import graph_config
from federation.config import AppConfig
from resolvers.graph import build_schema
from rest_shim.openapi import openapi
from rest_shim.routes.table import ROUTES

ROOT = Path(__file__).parent.parent
SDL = ROOT / "schema" / "composer.graphql"
OPENAPI = ROOT / "rest_shim" / "openapi.json"


def sdl() -> str:
    """The subgraph's schema as composition reads it."""
    return build_schema(graph_config(AppConfig())).as_str().strip() + "\n"


def openapi_text() -> str:
    """The OpenAPI document, laid out for people to compare."""
    document = openapi(ROUTES, AppConfig().version)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


def main() -> None:
    """Write both files."""
    SDL.write_text(sdl(), "utf-8")
    OPENAPI.write_text(openapi_text(), "utf-8")


if __name__ == "__main__":
    main()
