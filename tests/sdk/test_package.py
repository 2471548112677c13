"""The package as npm packs it: what is in it, what it needs, how it is imported, read and bundled."""

import json
import re
import tarfile
from pathlib import Path

import pytest

from tests.sdk.package import BINARIES, FOLDER, WITH_NODE, built, run
from tests.unpacking import unpack

pytestmark = WITH_NODE

MODULES = FOLDER / "node_modules"
MANIFEST = json.loads((FOLDER / "package.json").read_text("utf-8"))
PACKED = re.compile(r"package\.json|README\.md|dist/src/[\w/]+\.(js|d\.ts)")
CONSUMER = """
import { Maestro, signWebhook, type Execution } from "@maestro/composer-sdk";
import { DefinitionValidator, isWorkflowDefinition, type WorkflowDefinition } from "@maestro/composer-sdk/definitions";
import { WorkflowsDocument, type WorkflowsQuery } from "@maestro/composer-sdk/graphql";

export const maestro: Maestro = new Maestro({ baseUrl: "http://127.0.0.1", token: "t" });
export const sign = (): Promise<object> => signWebhook({ secret: "whsec_AAAA", id: "a", body: "b" });
export const draft: WorkflowDefinition = { name: "a", steps: [{ id: "b", type: "parallel" }] };
export const ended = (execution: Execution): boolean => execution.status === "completed";
export const count = (found: WorkflowsQuery): number => found.workflows.edges.length;
console.log(WorkflowsDocument.kind, isWorkflowDefinition(draft), new DefinitionValidator().validate(draft).length);
"""
BUDGETS_KIB = {".": 20, "./graphql": 60, "./definitions": 240}
"""Minified; `/definitions` has AJV and the schema in it."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has installed the packed package, and beside it what the package says that it needs."""
    folder = tmp_path_factory.mktemp("consumer")
    built()
    (archive,) = json.loads(run("npm", "pack", "--json", "--pack-destination", folder))
    with tarfile.open(folder / archive["filename"].replace("/", "-").removeprefix("@")) as packed:
        unpack(packed, folder / "unpacked")
    installed = folder / "node_modules" / "@maestro"
    installed.mkdir(parents=True)
    (folder / "unpacked" / "package").rename(installed / "composer-sdk")
    (folder / "package.json").write_text('{"type": "module"}')
    install(folder, *MANIFEST["dependencies"])
    return folder


def install(project: Path, *names: str) -> None:
    for name in names:
        place = project / "node_modules" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(MODULES / name)


def test_there_is_no_dependency_but_the_small_fetch_client() -> None:
    assert list(MANIFEST["dependencies"]) == ["openapi-fetch"]
    assert MANIFEST["private"] is True
    assert all(MANIFEST["peerDependenciesMeta"][name]["optional"] for name in MANIFEST["peerDependencies"])


def test_only_what_is_of_use_is_packed(project: Path) -> None:
    installed = project / "node_modules" / "@maestro" / "composer-sdk"
    files = [str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()]

    assert [name for name in files if not PACKED.fullmatch(name)] == []
    for target in MANIFEST["exports"].values():
        assert {target["types"].removeprefix("./"), target["default"].removeprefix("./")} <= set(files)


def test_the_client_alone_needs_no_peers(project: Path) -> None:
    program = (
        "import { Maestro } from '@maestro/composer-sdk'; console.log(typeof new Maestro({ baseUrl: 'x' }).rest.GET)"
    )

    assert node(project, program) == "function\n"


def test_types_resolve_and_modules_load(project: Path) -> None:
    install(project, *MANIFEST["peerDependencies"])
    (project / "consumer.ts").write_text(CONSUMER)

    for resolution in ({"module": "ESNext", "moduleResolution": "Bundler", "noEmit": True}, {"module": "NodeNext"}):
        options = {"strict": True, "exactOptionalPropertyTypes": True, "types": [], "target": "ES2022", **resolution}
        settings = {"compilerOptions": {"lib": ["ES2023", "DOM"], **options}, "files": ["consumer.ts"]}
        (project / "tsconfig.json").write_text(json.dumps(settings))
        run(BINARIES / "tsc", "--project", project)

    assert run("node", project / "consumer.js") == "Document true 0\n"


def node(project: Path, program: str) -> str:
    (project / "program.js").write_text(program)
    return run("node", project / "program.js")


@pytest.mark.parametrize("entry", MANIFEST["exports"])
def test_it_can_be_bundled_for_browsers(entry: str, tmp_path: Path) -> None:
    module = built().parent / MANIFEST["exports"][entry]["default"]

    bundle(module, tmp_path / "bundle.js")

    size_kib = (tmp_path / "bundle.js").stat().st_size / 1024
    assert size_kib <= BUDGETS_KIB[entry]
    assert "node:" not in (tmp_path / "bundle.js").read_text("utf-8")


def bundle(entry: Path, output: Path) -> None:
    options = ("--bundle", "--minify", "--platform=browser", "--format=esm", "--target=es2022", "--log-level=error")
    run(BINARIES / "esbuild", entry, *options, f"--outfile={output}")


def test_its_documentation_can_be_made_without_a_complaint() -> None:
    said = run(BINARIES / "typedoc", "--out", "dist/docs")

    assert "warning" not in said
    assert (FOLDER / "dist" / "docs" / "index.html").is_file()
