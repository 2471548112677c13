"""Pictures of definitions and executions: every step and connection is in them, and nothing stands on another."""

import json
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from engine.definitions.templates import BUILT_IN_TEMPLATES, Template
from engine.jsonvalue import Json
from engine.runtime.states import StepStatus
from scripts.cli.definitions import local_definition
from scripts.cli.main import main
from scripts.graphs.layout import Box, Layout, place
from scripts.graphs.mermaid import mermaid_of
from scripts.graphs.model import StepMark, graph_of
from scripts.graphs.svg import svg_of

DATA = next(one for one in BUILT_IN_TEMPLATES if one.id == "data-processing")
by_template = pytest.mark.parametrize("template", BUILT_IN_TEMPLATES, ids=lambda one: str(one.id))


def _apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


def _check_places(layout: Layout) -> None:
    assert all(_apart(one, other) for one, other in combinations(layout.boxes, 2))
    for line in layout.lines:
        assert all(left[0] < right[0] for left, right in pairwise(line.points))
    for box in layout.boxes:
        if box.inner is not None:
            assert box.inner.width < box.width
            assert box.inner.height < box.height
            _check_places(box.inner)


@by_template
def test_no_step_stands_on_another_and_every_line_goes_to_the_right(template: Template) -> None:
    _check_places(place(graph_of(local_definition(template.definition, template.id).definition)))


def test_a_connection_over_several_columns_passes_no_step() -> None:
    to_c: Json = {"targetStepId": "c"}
    leads: dict[str, list[Json]] = {"a": [{"targetStepId": "b"}, to_c], "b": [to_c], "c": []}
    steps: list[Json] = [
        {"id": name, "name": name, "type": "action", "config": {"actionType": "noop"}, "connections": to}
        for name, to in leads.items()
    ]
    layout = place(graph_of(local_definition({"name": "Long", "steps": steps}, "it").definition))
    middle = next(box for box in layout.boxes if box.step.id == "b")
    (long,) = [line for line in layout.lines if (line.edge.source, line.edge.target) == ("a", "c")]
    inside = [y for x, y in long.points if middle.x <= x <= middle.x + middle.width]
    assert inside
    assert all(not middle.y <= y <= middle.y + middle.height for y in inside)


@by_template
def test_the_svg_is_xml_and_names_every_step(template: Template) -> None:
    definition = local_definition(template.definition, template.id).definition
    texts = " ".join(ET.fromstring(svg_of(graph_of(definition), 'A "title" & <more>')).itertext())  # noqa: S314
    assert all(step.id in texts for step in definition.all_steps())


def test_states_are_coloured_and_the_gravest_iteration_shows() -> None:
    definition = local_definition(DATA.definition, "it").definition
    marks = [
        StepMark("fetch", StepStatus.COMPLETED),
        StepMark("check-record", StepStatus.COMPLETED),
        StepMark("check-record", StepStatus.FAILED),
    ]
    picture = graph_of(definition, marks)
    lines = mermaid_of(picture).splitlines()
    assert "  class s0 completed" in lines
    assert any("(2 times)" in line for line in lines)
    assert any(line.strip() == "class s2_0 failed" for line in lines)
    assert any(line.startswith("  classDef failed fill:#") for line in lines)
    assert "failed (2 times)" in svg_of(picture, "it")


def test_the_command_draws_a_file(tmp_path: Path) -> None:
    source, target = tmp_path / "data.json", tmp_path / "data.svg"
    source.write_text(json.dumps(DATA.definition))
    shown = CliRunner().invoke(main, ["graph", str(source)])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("flowchart LR\n")
    assert '-->|"none"|' in shown.stdout
    assert CliRunner().invoke(main, ["graph", str(source), "-o", str(target)]).exit_code == 0
    assert target.read_text().startswith("<svg")
    assert len(json.loads(CliRunner().invoke(main, ["graph", str(source), "--json"]).stdout)["steps"]) == 6


def test_a_file_with_faults_is_refused_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"name": "x", "steps": [{"id": "a", "type": "dance"}]}')
    result = CliRunner().invoke(main, ["graph", str(tmp_path / "bad.json")])
    assert result.exit_code == 1
    assert "/steps/0" in result.stderr
