"""The command `maestro test`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import click

from engine.definitions.model import Definition
from engine.definitions.templates import BUILT_IN_TEMPLATES
from engine.jsonvalue import Json, dumps
from scripts.cli.definitions import installed_actions, local_definition, read_file
from scripts.workflow_tests.cases import Outcome, play_case


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit report for CI.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object for each case.")
def test(files: tuple[Path, ...], junit: Path | None, *, as_json: bool) -> None:
    """Run definitions with canned results under a clock that skips; needs no server.

    Each of FILES is a JSON object: `definition` (a file beside it) or `template` (a built-in one), and `cases`, each
    with `triggerData`, `results` by step, `signals`, and what it expects: `status`, `path`, `outputs`, `statuses`,
    `attempts`, `startsAtMs`, `tookMs`, `tasks`, `ticks`. Steps that only compute are computed, and clocks and
    escalations of human tasks run. Exit code 1: a case has failed. All members: docs/testing-workflows.md.
    """
    played = [(file, _play(file)) for file in files]
    if junit is not None:
        junit.write_bytes(_report(played))
    if as_json:
        rows: list[Json] = [
            {"file": str(file), "name": one.name, "passed": not one.faults, "faults": list(one.faults)}
            for file, outcomes in played
            for one in outcomes
        ]
        click.echo(dumps(rows))
    else:
        for file, outcomes in played:
            _show(file, outcomes)
    if any(one.faults for _, outcomes in played for one in outcomes):
        sys.exit(1)


def _play(file: Path) -> list[Outcome]:
    suite = read_file(file)
    cases = suite.get("cases") if isinstance(suite, dict) else None
    if not isinstance(suite, dict) or not isinstance(cases, list) or not cases:
        raise click.ClickException(f"{file} holds no cases.")
    definition, actions = _definition(file, suite.get("definition"), suite.get("template")), installed_actions()
    return [play_case(definition, case, actions) for case in cases if isinstance(case, dict)]


def _definition(file: Path, named: Json, template: Json) -> Definition:
    if isinstance(named, str):
        place = file.parent / named
        return local_definition(read_file(place), str(place)).definition
    found = next((one for one in BUILT_IN_TEMPLATES if one.id == template), None)
    if found is None:
        raise click.ClickException(f"{file} names neither a definition nor a built-in template.")
    return local_definition(found.definition, found.id).definition


def _show(file: Path, outcomes: Sequence[Outcome]) -> None:
    click.echo(str(file))
    for one in outcomes:
        mark = click.style("failed", fg="red") if one.faults else click.style("passed", fg="green")
        click.echo(f"  {mark} {one.name} ({one.took_ms:,} ms of its own time)")
        for fault in one.faults:
            click.echo(f"         {fault}")


def _report(played: Sequence[tuple[Path, Sequence[Outcome]]]) -> bytes:
    root = ET.Element("testsuites")
    for file, outcomes in played:
        failures = sum(1 for one in outcomes if one.faults)
        suite = ET.SubElement(root, "testsuite", name=str(file), tests=str(len(outcomes)), failures=str(failures))
        for one in outcomes:
            case = ET.SubElement(suite, "testcase", classname=file.stem, name=one.name)
            if one.faults:
                ET.SubElement(case, "failure", message=one.faults[0]).text = "\n".join(one.faults)
    report: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return report
