"""`/definitions` of the SDK judges as the server does: the same codes at the same paths."""

import json
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest_asyncio

from engine.definitions.catalogue import ActionCatalogue, ActionEffect, ActionEntry
from engine.definitions.checking import check
from engine.definitions.reading import read_document
from engine.definitions.schemas import embedded_schema_faults
from engine.errors import ValidationFailed
from engine.jsonvalue import Json, JsonObject
from tests.federation.edge import Edge, open_edge
from tests.sdk.mutants import mutants
from tests.sdk.package import WITH_NODE, built, run

FIXTURES = Path(__file__).parents[1] / "fixtures" / "definitions"
ACTIONS = json.loads((FIXTURES / "actions.json").read_text("utf-8"))
VALID = [path.read_text("utf-8") for path in sorted((FIXTURES / "valid").glob("*.json"))]
INVALID = [json.loads(path.read_text("utf-8")) for path in sorted((FIXTURES / "invalid").glob("*.json"))]
TEXTS = [*VALID, *(one["text"] if "text" in one else json.dumps(one["document"]) for one in INVALID)]
DOCUMENTS = [*map(json.loads, VALID), *(one["document"] for one in INVALID if "document" in one)]

Places = list[tuple[str, str]]

pytestmark = WITH_NODE


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def edge(database_url: str) -> AsyncIterator[Edge]:
    async with open_edge(database_url) as opened:
        yield opened


def judged(actions: Sequence[Mapping[str, Any]], texts: Iterable[str], **options: Any) -> list[Places]:
    """What the SDK finds, by a process that it runs in."""
    lines = [json.dumps(actions), *(json.dumps({"text": text, **options}) for text in texts)]
    found = run("node", built() / "test" / "judge.js", standard_input="\n".join(lines) + "\n")
    return [sorted((one["code"], one["path"]) for one in json.loads(line)) for line in found.splitlines()]


async def test_every_fixture_has_the_servers_faults(edge: Edge) -> None:
    actions = (await edge.rest("GET", "/api/actions")).json()

    found = judged(actions, TEXTS, subworkflows={})

    assert len(found) == len(TEXTS) > 60
    for text, places in zip(TEXTS, found, strict=True):
        headers = {**edge.headers(), "content-type": "application/json"}
        answer = await edge.client.post("/api/workflows/validate", content=text.encode(), headers=headers)
        assert places == sorted((one["code"], one["path"]) for one in answer.json()["errors"]), text


def test_every_broken_copy_of_a_fixture_has_the_servers_faults() -> None:
    catalogue = ActionCatalogue.of(
        *(ActionEntry(one["name"], one["configSchema"], ActionEffect(one["effect"])) for one in ACTIONS)
    )
    texts = [json.dumps(document) for document in mutants(DOCUMENTS, 1_500, seed=12)]

    found = judged(ACTIONS, texts)

    assert len({code for places in found for code, _ in places}) > 25
    for text, places in zip(texts, found, strict=True):
        assert places == of_the_engine(text, catalogue), text


def test_every_tangle_of_older_loops_has_the_servers_faults() -> None:
    texts = [json.dumps(document) for document in older_loops(1_500, seed=12)]

    found = judged(ACTIONS, texts)

    catalogue = ActionCatalogue.of(
        *(ActionEntry(one["name"], one["configSchema"], ActionEffect(one["effect"])) for one in ACTIONS)
    )
    assert any(code == "step.duplicate_id" for places in found for code, _ in places)
    for text, places in zip(texts, found, strict=True):
        assert places == of_the_engine(text, catalogue), text


def older_loops(count: int, seed: int) -> Iterable[JsonObject]:
    """Documents whose loops have their bodies as connected steps, some ids twice, some steps in several loops."""
    draw = random.Random(seed)  # noqa: S311 - the same documents each time, not a secret
    for _ in range(count):
        steps: list[Json] = []
        for _ in range(draw.randint(2, 6)):
            kind = draw.choice(["loop", "action"])
            config: JsonObject = {"actionType": "noop"} if kind == "action" else {"iterateOver": "triggerData.items"}
            targets = draw.choices("abcde", k=draw.randint(0, 3))
            connections: list[Json] = [
                {"targetStepId": target, **({"label": "done"} if draw.random() < 0.25 else {})} for target in targets
            ]
            name = draw.choice("abcde")
            steps.append({"id": name, "name": name, "type": kind, "config": config, "connections": connections})
        yield {"name": "tangled", "steps": steps}


def of_the_engine(text: str, catalogue: ActionCatalogue) -> Places:
    try:
        faults = check(read_document(text.encode()), catalogue).faults
    except ValidationFailed as refused:
        faults = refused.faults
    return sorted((one.code, one.path) for one in faults)


SCHEMAS: tuple[Any, ...] = (
    {"type": "strng"}, {"type": ["string", "string"]}, {"properties": {"a": 5}}, {"$ref": "#/$defs/x"},
    {"$ref": "x.json"},
    {"$id": "http://me/", "$ref": "http://me/"}, {"pattern": "("}, {"pattern": "(?=a)"}, {"pattern": "(a)\\1"},
    {"pattern": "(?P<n>a)"}, {"pattern": "\\p{L}[[:alpha:]]\\-"}, {"patternProperties": {"(": {}}},
    {"minLength": 1.5},
    {"required": ["a", "a"]}, {"enum": []}, {"$anchor": "a", "$ref": "#a"}, {"$ref": "#nope"}, {"$dynamicRef": "#x"},
    {"items": [{}]}, {"allOf": [{"type": "q"}]}, {"const": {"$ref": "http://x"}}, {"unknown": {"$ref": "http://x"}},
    {"definitions": {"a": {"$ref": "http://x"}}}, {"$defs": {"a": {"pattern": "("}}}, {"type": "x", "minimum": "a"},
    {"properties": {"x": {"$ref": 5}, "b": 3}}, {"not": 5, "items": {"type": 5}}, {"$id": "http://a#b"}, {"$ref": ""},
    {"$ref": "https://json-schema.org/draft/2020-12/schema"}, {"$ref": "#/$defs/a/b", "$defs": {"a": True}},
)  # fmt: skip
"""Schemas of trigger data: right ones, and what can be wrong with them."""


def test_schemas_within_a_document_have_the_servers_faults() -> None:
    texts = [
        json.dumps({"name": "x", "steps": [{"id": "a", "type": "parallel"}], "inputSchema": one}) for one in SCHEMAS
    ]

    found = judged([], texts)

    for schema, places in zip(SCHEMAS, found, strict=True):
        assert places == [(one.code, one.path) for one in embedded_schema_faults(schema, "/inputSchema")], schema
