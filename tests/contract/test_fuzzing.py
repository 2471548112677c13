"""A small draw of calls over the whole REST interface: no fault of the server, no answer outside of its schema."""

import asyncio
import tempfile
from pathlib import Path

import pytest

from rest_shim.routes.table import ROUTES
from tests.contract.fuzzing import Draw, Outcome, Target, command_of, drawable, environment, outcome_of
from tests.federation.edge import Edge, serving, token

OF_THE_LEDGER = tuple(route.name for route in ROUTES if route.tag == "ledger")
SMALL = Draw(12, 2, ("fuzzing", "stateful"), ("streamExecutionEvents", *OF_THE_LEDGER))
"""No worker runs here, so that streams of executions would not end, and no ledger: `--contract-cases` has both."""


async def played(edge: Edge, draw: Draw) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        async with serving(edge.app) as address:
            command = command_of(Target(f"http://{address}", token()), draw, Path(folder))
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                env=environment(),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await process.communicate()
        outcome = outcome_of(Path(folder), said.decode())
    assert outcome.breaches == (), outcome.said
    assert outcome.operations + len(draw.left_out) == len(ROUTES)
    return outcome


async def test_no_answer_lies_outside_of_the_document(edge: Edge) -> None:
    outcome = await played(edge, SMALL)

    assert outcome.cases >= 150
    assert len(outcome.succeeded) >= 25, sorted(outcome.succeeded)
    assert outcome.followed >= 20


async def test_an_answer_outside_of_the_document_is_seen(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    from rest_shim.models.health import LivenessBody  # noqa: PLC0415 - only here

    monkeypatch.setattr("rest_shim.routes.health.LivenessBody", lambda _: LivenessBody(7))  # type: ignore[arg-type]

    with pytest.raises(AssertionError, match="Response violates schema"):
        await played(edge, Draw(seed=1, examples=1, phases=("fuzzing",), left_out=SMALL.left_out))


def test_only_rules_between_members_of_definitions_are_left_out() -> None:
    document = {"components": {"schemas": {"A": {"allOf": [1]}, "DefinitionStep": {"allOf": [1], "type": "object"}}}}

    assert drawable(document) == {
        "components": {"schemas": {"A": {"allOf": [1]}, "DefinitionStep": {"type": "object"}}},
    }
