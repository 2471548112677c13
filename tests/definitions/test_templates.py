"""The built-in templates: valid with the real actions' own schemas elsewhere, complete and customisable here."""

import json
from copy import deepcopy
from typing import Any

import pytest

from engine.definitions.catalogue import ActionCatalogue, ActionEffect, ActionEntry
from engine.definitions.checking import check
from engine.definitions.model import StepType
from engine.definitions.templates import BUILT_IN_TEMPLATES, Template, create_from
from engine.errors import ValidationFailed
from engine.jsonvalue import Json

CATALOGUE = ActionCatalogue.of(
    *(ActionEntry(name, {"type": "object"}, ActionEffect.WRITE) for name in ("api", "email", "transform", "validation"))
)
BY_ID = {template.id: template for template in BUILT_IN_TEMPLATES}


def test_there_are_three() -> None:
    assert [(one.id, one.name, one.category) for one in BUILT_IN_TEMPLATES] == [
        ("approval", "Approval", "approval"),
        ("data-processing", "Data processing", "data"),
        ("incident-response", "Incident response", "operations"),
    ]
    assert all(one.description for one in BUILT_IN_TEMPLATES)


@pytest.mark.parametrize("template", BUILT_IN_TEMPLATES, ids=lambda one: str(one.id))
def test_each_is_valid_as_it_stands_and_with_every_customisation(template: Template) -> None:
    values: dict[str, Json] = {
        "string": "https://example.org/x", "array": ["ann@example.com"], "integer": 7_000, "object": {"type": "object"},
    }  # fmt: skip
    properties: Any = template.customisations["properties"]
    asked: dict[str, Json] = {
        name: min(schema.get("maximum", 7_000), 7_000) if schema["type"] == "integer" else values[schema["type"]]
        for name, schema in properties.items()
    }

    assert check(template.definition, CATALOGUE).faults == ()
    created = create_from(template, "Mine", asked)
    assert check(created, CATALOGUE).faults == ()
    assert created["name"] == "Mine"
    for name, value in asked.items():
        assert json.dumps(value) in json.dumps(created), name


def test_incident_response_calls_asks_a_person_branches_and_calls_again() -> None:
    definition = check(BY_ID["incident-response"].definition, CATALOGUE).definition
    assert definition is not None
    types = {step.id: step.type for step in definition.steps}

    assert types["open-incident"] is types["notify"] is StepType.ACTION
    assert (types["triage"], types["is-severe"]) == (StepType.HUMAN, StepType.CONDITION)
    assert "127.0.0.1" not in json.dumps(BY_ID["incident-response"].definition)


def test_what_a_template_does_not_ask_for_is_a_member_of_the_document() -> None:
    template = BY_ID["incident-response"]
    before = deepcopy(template.definition)

    created = create_from(
        template, None, {"description": "Ours", "settings": {"timeout": 5, "variables": {"x": 1}}, "nonsense": True}
    )

    settings: Any = created["settings"]
    assert (created["name"], created["description"]) == ("Incident response", "Ours")
    assert (settings["timeout"], settings["variables"]["x"], settings["priority"]) == (5, 1, "high")
    assert settings["variables"]["notifyUrl"] == "https://incidents.example.com/api/notifications"
    assert [fault.path for fault in check(created, CATALOGUE).faults if fault.code == "member.unknown"] == ["/nonsense"]
    assert template.definition == before


def test_a_customisation_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(ValidationFailed) as refused:
        create_from(BY_ID["approval"], "x", {"approvers": "ann", "requiredApprovals": 0})

    assert sorted((fault.code, fault.path) for fault in refused.value.faults) == [
        ("value.out_of_range", "/customisations/requiredApprovals"),
        ("value.wrong_type", "/customisations/approvers"),
    ]
