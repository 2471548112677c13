"""Both composers make a supergraph of the committed schemas, and both refuse what does not fit."""

import json
from pathlib import Path

import pytest

from tests.supergraph.node import run

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "supergraph.yaml").read_text()


def config(folder: Path, teams: str) -> Path:
    """A configuration with another schema of the second subgraph."""
    (folder / "teams.graphql").write_text(teams)
    file = folder / "supergraph.yaml"
    text = CONFIG.replace("schema/composer.graphql", str(ROOT / "schema" / "composer.graphql"))
    file.write_text(text.replace("federation/sample/teams.graphql", "teams.graphql"))
    return file


@pytest.mark.parametrize("composer", ["apollo", "guild"])
async def test_the_committed_schemas_compose(tmp_path: Path, composer: str) -> None:
    supergraph = tmp_path / "supergraph.graphql"

    code, output = await run("compose.mjs", "--composer", composer, "--out", str(supergraph))

    assert (code, json.loads(output)) == (0, {composer: {"errors": []}})
    text = supergraph.read_text()
    assert "graph: COMPOSER" in text
    assert "graph: TEAMS" in text


async def test_a_field_that_both_define_is_refused_by_both(tmp_path: Path) -> None:
    teams = (ROOT / "federation" / "sample" / "teams.graphql").read_text()
    seeded = teams.replace('type Workflow @key(fields: "id") {', 'type Workflow @key(fields: "id") {\n  name: String!')

    code, output = await run("compose.mjs", "--config", str(config(tmp_path, seeded)))

    found = json.loads(output)
    assert code == 1
    assert [error["code"] for error in found["apollo"]["errors"]] == ["INVALID_FIELD_SHARING"]
    assert [error["code"] for error in found["guild"]["errors"]] == ["INVALID_FIELD_SHARING"]


async def test_a_required_field_that_the_composer_lacks_is_refused(tmp_path: Path) -> None:
    teams = (ROOT / "federation" / "sample" / "teams.graphql").read_text()

    code, output = await run(
        "compose.mjs",
        "--config",
        str(
            config(
                tmp_path,
                teams.replace("workflowId: ID @ext", "teamId: ID @ext").replace(
                    'fields: "workflowId"', 'fields: "teamId"'
                ),
            )
        ),
    )

    assert code == 1
    assert all(found["errors"] for found in json.loads(output).values())
