"""The command `maestro replay`."""

import sys
from pathlib import Path

import click

from engine.jsonvalue import Json, JsonObject, dumps
from engine.provenance.opened import opened
from engine.provenance.replay import Finding, Replay, replay

_FOLLOWS, _DIVERGES, _CANNOT_TELL = 0, 1, 2


@click.command("replay")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay_bundle(bundle: Path, *, as_json: bool) -> None:
    """Run the core again over an evidence bundle, and nothing else: does its recorded path follow from its definition?

    Exit code 0: it does. 1: it does not, with every place. 2: cannot tell, where masked payloads decided.
    """
    found = opened(bundle)
    result = replay(found.plan, found.header, found.recorded, hidden_trigger=found.hidden_trigger)
    if as_json:
        click.echo(dumps(_body(result, found.status)))
    else:
        _tell(result, found.status)
    sys.exit(_code(result))


def _code(result: Replay) -> int:
    if not result.follows:
        return _DIVERGES
    return _CANNOT_TELL if result.untold else _FOLLOWS


def _tell(result: Replay, status: str) -> None:
    for move in result.moves:
        click.echo(f"  {move}")
    for finding in result.divergences:
        click.echo(f"DIVERGES at {finding.seq}: {finding.message}")
    for finding in result.untold:
        click.echo(f"cannot tell at {finding.seq}: {finding.message}")
    verdict = {
        _FOLLOWS: f"FOLLOWS: {result.decided} transitions, decided again one by one, end {status}",
        _DIVERGES: "DOES NOT FOLLOW from the definition",
        _CANNOT_TELL: "CANNOT TELL: decisions rest on what the bundle does not show",
    }
    click.echo(verdict[_code(result)])


def _body(result: Replay, status: str) -> JsonObject:
    moves: list[Json] = [*result.moves]
    return {
        "verdict": {_FOLLOWS: "follows", _DIVERGES: "diverges", _CANNOT_TELL: "cannot tell"}[_code(result)],
        "status": status,
        "decided": result.decided,
        "moves": moves,
        "divergences": _places(result.divergences),
        "untold": _places(result.untold),
    }


def _places(findings: list[Finding]) -> list[Json]:
    return [{"seq": finding.seq, "message": finding.message} for finding in findings]
