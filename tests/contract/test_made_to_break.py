"""A change made on purpose, in a copy: the checks of SDL, OpenAPI document and SDK all notice it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from federation.export import OPENAPI, ROOT, SDL
from tests.contract import test_drift
from tests.sdk.package import FOLDER, WITH_NODE

DEFINITION = ROOT / "engine" / "definitions" / "workflow-definition.schema.json"
CHANGES = {
    SDL: ("  revision: Int!\n", "  revision: String!\n", "src/generated/graphql.ts"),
    OPENAPI: ('"operationId": "getWorkflow"', '"operationId": "readWorkflow"', "src/generated/rest.ts"),
    DEFINITION: ('"targetStepId"', '"target"', "src/generated/definition.ts"),
}
"""By file: what stands there, what will, and what of the SDK is made from it."""


def changed(original: Path, copy: Path) -> Path:
    old, new, _ = CHANGES[original]
    text = original.read_text("utf-8")
    assert old in text
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(text.replace(old, new), "utf-8")
    return copy


@pytest.mark.parametrize(
    ("original", "name", "check"),
    [
        (SDL, "SDL", test_drift.test_the_committed_sdl_is_the_one_of_the_code),
        (OPENAPI, "OPENAPI", test_drift.test_the_committed_openapi_document_is_the_one_of_the_code),
    ],
)
def test_a_committed_interface_that_is_not_the_codes_is_noticed(
    original: Path, name: str, check: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_drift, name, changed(original, tmp_path / original.name))
    assert callable(check)

    with pytest.raises(AssertionError, match=r"federation\.export"):
        check()


@WITH_NODE
def test_an_sdk_that_is_not_made_from_the_interfaces_is_noticed(tmp_path: Path) -> None:
    sdk = tmp_path / FOLDER.relative_to(ROOT)
    shutil.copytree(FOLDER, sdk, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (sdk / "node_modules").symlink_to(FOLDER / "node_modules")
    shutil.copytree(ROOT / "schema" / "operations", tmp_path / "schema" / "operations")
    for original in CHANGES:
        changed(original, tmp_path / original.relative_to(ROOT))

    done = subprocess.run(
        ["node", "scripts/generate.mjs", "--check"], cwd=sdk, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 1
    assert [made for *_, made in CHANGES.values() if made not in done.stderr] == []
