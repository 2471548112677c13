"""The SDK against a running stack: its own tests, every example, the README's first success, and a browser."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.docs.stack import started, stranger
from tests.graphql.browser import open_tab
from tests.sdk.package import BINARIES, FOLDER, WITH_NODE, built, run

pytestmark = [pytest.mark.processes, pytest.mark.server, WITH_NODE]

EXAMPLES = {
    "checkDefinition": r"/steps/1/config/delayMs Step 'pause': .*\n/steps/1 No path leads from .*\n",
    "firstSuccess": r"completed\n",
    "followEvents": r"1 execution running\n(?s:.*) go waiting\n(?s:.*) act completed\n\d+ execution completed\n",
    "sendWebhook": r"attempt 1: 200 .* duplicate=false\nattempt 2: 200 success=true duplicate=true\n",
    "typedGraphql": r"over graphql at revision 1; listed: true\n",
    "validationFaults": r"/steps/0/connections/0/targetStepId connection\.unknown_target\n",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the origin that it is served from."""
    folder = tmp_path_factory.mktemp("site")
    with serving_files(folder) as origin:
        yield folder, origin


@pytest.fixture(scope="module")
def stack(servers_folder: Path, site: tuple[Path, str]) -> Iterator[dict[str, str]]:
    """The environment of a program that uses the running stack; pages of the site may call it."""
    environment = stranger(servers_folder) | {"MAESTRO_CORS_ORIGINS": site[1]}
    environment["MAESTRO_DATA_DIR"] = str(servers_folder / "sdk")
    with started(environment):
        yield environment | {
            "MAESTRO_URL": f"http://127.0.0.1:{environment['MAESTRO_PORT']}",
            "MAESTRO_TOKEN": token(environment, "--sub", "sdk", "--role", "admin"),
            "MAESTRO_VIEWER_TOKEN": token(environment, "--sub", "vera", "--role", "viewer"),
        }


def token(environment: dict[str, str], *options: str) -> str:
    maestro = str(Path(sys.executable).with_name("maestro"))
    done = subprocess.run([maestro, "token", *options], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_every_example_is_run_here() -> None:
    assert {path.stem for path in (FOLDER / "examples").iterdir()} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name: str, stack: dict[str, str]) -> None:
    said = run("node", built() / "examples" / f"{name}.js", environment=stack)

    assert re.fullmatch(EXAMPLES[name], said), said


def test_the_first_success_of_the_readme_takes_ten_lines(stack: dict[str, str], tmp_path: Path) -> None:
    snippet = (FOLDER / "README.md").read_text("utf-8").split("```ts\n")[1].split("```")[0]
    (tmp_path / "node_modules" / "@maestro").mkdir(parents=True)
    (tmp_path / "node_modules" / "@maestro" / "composer-sdk").symlink_to(built().parent)
    (tmp_path / "node_modules" / "@types").symlink_to(FOLDER / "node_modules" / "@types")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "first.ts").write_text(snippet.replace("http://127.0.0.1:4005", stack["MAESTRO_URL"]))

    run(BINARIES / "tsc", "--strict", "--target", "ES2022", "--module", "NodeNext", tmp_path / "first.ts")

    assert len(snippet.splitlines()) <= 10
    assert run("node", tmp_path / "first.js", environment=stack) == "completed\n"


def test_its_tests_against_a_running_server_pass(stack: dict[str, str]) -> None:
    said = run("node", "--test", built() / "test" / "running.js", environment=stack)

    assert "# fail 0" in said
    assert "# skipped 0" in said


async def test_it_works_in_a_browser(stack: dict[str, str], site: tuple[Path, str]) -> None:
    folder, origin = site
    options = ("--bundle", "--minify", "--format=esm", "--platform=browser", "--log-level=error")
    run(BINARIES / "esbuild", built() / "test" / "page.js", *options, f"--outfile={folder / 'page.js'}")
    (folder / "index.html").write_text("<!doctype html><title></title><script type=module src=page.js></script>")

    async with open_tab() as tab:
        asked = f"url={stack['MAESTRO_URL']}&token={stack['MAESTRO_TOKEN']}"
        await tab.call("Page.navigate", url=f"{origin}/index.html#{asked}")
        shown = await tab.until("document.title")

    assert shown == "Document: 0 faults, completed"
    assert tab.complaints() == []


@contextmanager
def serving_files(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=os.fspath(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Silent(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""
