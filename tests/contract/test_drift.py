"""What is committed is what is served."""

from collections.abc import Callable

import pytest
from graphql import build_schema as build_core_schema
from graphql import parse

from engine import errors
from federation.export import OPENAPI, SAMPLE_SDL, SDL, openapi_text, sample_sdl, sdl, without_federation
from resolvers.errors import SHOWN, failure_of
from rest_shim.problems import described
from tests.federation.edge import Edge

MASKED = {errors.ConfigurationError}
"""Never the caller's business: masked over both doors."""


def family(kind: type[errors.MaestroError] = errors.MaestroError) -> set[type[errors.MaestroError]]:
    found = set(kind.__subclasses__())
    return found.union(*(family(one) for one in found))


OF_ENGINE = sorted((kind for kind in family() if kind.__module__ == "engine.errors"), key=lambda kind: kind.__name__)


def test_the_committed_sdl_is_the_one_of_the_code() -> None:
    assert SDL.read_text("utf-8") == sdl(), "run: python -m federation.export"


def test_the_committed_sdl_of_the_sample_is_the_one_of_its_code() -> None:
    assert SAMPLE_SDL.read_text("utf-8") == sample_sdl(), "run: python -m federation.export"


def test_the_committed_openapi_document_is_the_one_of_the_code() -> None:
    assert OPENAPI.read_text("utf-8") == openapi_text(), "run: python -m federation.export"


def test_the_sdl_can_be_read() -> None:
    assert parse(sdl()).definitions
    assert "federation/v2.9" in sdl()


async def test_the_served_sdl_is_the_committed_one(edge: Edge) -> None:
    data = await edge.graphql("{ _service { sdl } }")

    assert without_federation(data["_service"]["sdl"]) == SDL.read_text("utf-8")


async def test_the_served_openapi_document_is_the_committed_one(edge: Edge) -> None:
    import json  # noqa: PLC0415 - only here

    assert (await edge.client.get("/openapi.json")).json() == json.loads(OPENAPI.read_text("utf-8"))


@pytest.mark.parametrize("kind", OF_ENGINE, ids=lambda kind: kind.__name__)
def test_every_error_has_its_answer_over_rest(kind: type[errors.MaestroError]) -> None:
    assert (described(kind)[0] == 500) == (kind in MASKED)


MAKE: dict[type[errors.MaestroError], Callable[[], errors.MaestroError]] = {
    errors.Denied: lambda: errors.Denied("d", "r", ()),
    errors.NotFound: lambda: errors.NotFound("thing", "x"),
    errors.ValidationFailed: lambda: errors.ValidationFailed(()),
    errors.Conflict: lambda: errors.Conflict("no", code="x.y"),
    errors.StaleRevision: lambda: errors.StaleRevision(1, 2),
    errors.PayloadTooLarge: lambda: errors.PayloadTooLarge(1),
    errors.RateLimited: lambda: errors.RateLimited("slow", policy="p", retry_after_s=1),
    errors.Overloaded: lambda: errors.Overloaded("full", retry_after_s=1),
    errors.Unavailable: lambda: errors.Unavailable("db", "down"),
}
OF_HTTP = {errors.PreconditionRequired, errors.UnsupportedMedia}
"""Answers of HTTP itself; no resolver raises them."""


@pytest.mark.parametrize("kind", OF_ENGINE, ids=lambda kind: kind.__name__)
def test_every_error_has_its_answer_over_graphql(kind: type[errors.MaestroError]) -> None:
    error = MAKE[kind]() if kind in MAKE else kind("message")

    answered = failure_of(error) is not None or isinstance(error, SHOWN)

    assert answered == (kind not in MASKED | OF_HTTP)


def test_every_type_field_and_argument_is_described() -> None:
    schema = build_core_schema(sdl(), assume_valid=True)
    missing = []
    for name, kind in schema.type_map.items():
        if name.startswith("_") or name in {"Query", "FieldSet"} or not hasattr(kind, "fields"):
            continue
        missing += [f"{name}.{field}" for field, value in kind.fields.items() if not value.description]
    assert missing == []
