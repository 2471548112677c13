"""Every fixture is accepted, or refused with exactly the faults that it names."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.definitions.catalogue import ActionCatalogue
from engine.definitions.checking import check
from engine.definitions.faults import FAULT_KINDS, FaultCode
from engine.definitions.reading import read_document
from engine.definitions.subworkflows import Subworkflow
from engine.errors import Fault, ValidationFailed

FIXTURES = Path(__file__).parent.parent / "fixtures" / "definitions"
VALID = sorted((FIXTURES / "valid").glob("*.json"))
INVALID = sorted((FIXTURES / "invalid").glob("*.json"))


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", VALID, ids=name_of)
def test_valid_fixture_is_accepted(path: Path, catalogue: ActionCatalogue) -> None:
    checked = check(read_document(path.read_bytes()), catalogue)

    assert checked.faults == ()
    assert checked.definition is not None


@pytest.mark.parametrize("path", INVALID, ids=name_of)
def test_invalid_fixture_has_exactly_its_faults(path: Path, catalogue: ActionCatalogue) -> None:
    fixture = json.loads(path.read_text())

    faults = faults_of(fixture, catalogue)

    found = sorted((fault.code, fault.path) for fault in faults)
    assert found == sorted((one["code"], one["path"]) for one in fixture["faults"])
    assert all(fault.message.endswith(".") and fault.hint for fault in faults)


def faults_of(fixture: dict[str, Any], catalogue: ActionCatalogue) -> tuple[Fault, ...]:
    if "text" in fixture:
        with pytest.raises(ValidationFailed) as refused:
            read_document(fixture["text"].encode())
        return refused.value.faults
    subworkflows = None
    if "subworkflows" in fixture:
        subworkflows = {
            key: Subworkflow(one["name"], frozenset(one["calls"]), frozenset(one["versions"]))
            for key, one in fixture["subworkflows"].items()
        }
    checked = check(fixture["document"], catalogue, workflow_id=fixture.get("workflowId"), subworkflows=subworkflows)
    assert (checked.definition is None) == bool(checked.faults)
    return checked.faults


def test_every_fault_code_has_a_fixture_and_an_explanation() -> None:
    shown = {one["code"] for path in INVALID for one in json.loads(path.read_text())["faults"]}

    # A million elements do not belong in a repository: tests/definitions/test_reading.py makes them.
    assert shown | {"document.too_large"} == {code.value for code in FaultCode}
    assert set(FAULT_KINDS) == set(FaultCode)
