"""The page for people: GraphiQL where it was fetched, our own where it was not; both without any other server."""

import hashlib
import io
import re
import tarfile
from pathlib import Path

import pytest

from federation.explorer.page import SCRIPTS, STAMP, STYLE, VENDOR, ExplorerPage, operations
from scripts.explorer import Package, fetch, is_current, locked
from tests.federation.edge import Edge, serving, token
from tests.federation.test_streams import finished
from tests.graphql.browser import Tab, open_tab

OPERATIONS = operations()
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
ELEMENT = re.compile(r"<script(?: [^>]*)?>(.*?)</script>", re.DOTALL)


def text_of(page: ExplorerPage) -> str:
    return bytes(page.response().body).decode()


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    for name in SCRIPTS:
        (tmp_path / name).write_text(f"/* {name} */ '</script>'\n//# sourceMappingURL=x.map\n")
    (tmp_path / STYLE).write_text("/* style */")
    return tmp_path


async def test_a_browser_gets_the_page_without_a_token(edge: Edge) -> None:
    response = await edge.client.get("/graphql", headers={"accept": BROWSER})

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'; connect-src 'self'" in response.headers["content-security-policy"]
    assert "GraphiQL" in response.text
    assert all(name in response.text for name in OPERATIONS)


async def test_what_no_browser_opens_gets_no_page(edge: Edge) -> None:
    for headers, params in (({"accept": "*/*"}, {}), ({"accept": "text/html"}, {"query": "{ __typename }"})):
        response = await edge.client.get("/graphql", headers=headers, params=params)
        assert response.status_code in {401, 406}


def test_without_the_package_the_page_is_our_own(tmp_path: Path) -> None:
    page = ExplorerPage(tmp_path)

    assert "unsafe" not in page.response().headers["content-security-policy"]
    assert text_of(page).count("<script") == 2
    assert "/*script*/" not in text_of(page)
    assert "://" not in text_of(page), "the page must work without any other server"


def test_graphiql_takes_its_place_once_all_of_it_is_there(vendor: Path) -> None:
    page = ExplorerPage(vendor)
    own = text_of(page)
    (vendor / STAMP).write_text("all")
    text, policy = text_of(page), page.response().headers["content-security-policy"]

    assert "graphiql.min.js" not in own
    operation_data, script = ELEMENT.findall(text)
    assert all(name in script for name in SCRIPTS)
    assert all(name in operation_data for name in OPERATIONS)
    assert "sourceMappingURL" not in text
    assert "script-src 'sha256-" in policy
    assert "unsafe" not in policy.replace("style-src-attr 'unsafe-inline'", "")


def packed(package: str, files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{package}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize("is_the_one", [True, False])
def test_only_the_packages_of_the_lock_are_taken(tmp_path: Path, *, is_the_one: bool) -> None:
    content = packed("package", {"umd/a.js": b"a", "other": b"b"})
    (tmp_path / "packed").write_bytes(content)
    npm = tmp_path / "npm"
    npm.write_text(f'#!/bin/sh\n[ "$4" = a@1.0.0 ] && cp {tmp_path}/packed a-1.0.0.tgz\n')
    npm.chmod(0o755)
    digest = hashlib.sha512(content if is_the_one else b"another").hexdigest()
    packages, vendor = [Package("a", "1.0.0", digest, ["umd/a.js"])], tmp_path / "vendor"

    if is_the_one:
        fetch(packages, vendor, str(npm))
        assert (vendor / "a.js").read_bytes() == b"a"
    else:
        with pytest.raises(OSError, match="not the package of the lock"):
            fetch(packages, vendor, str(npm))
        assert list(vendor.iterdir()) == []
    assert is_current(packages, vendor) == is_the_one


def test_the_lock_has_all_that_the_page_takes() -> None:
    taken = {Path(file).name for package in locked() for file in package.files}

    assert taken == {*SCRIPTS, STYLE}


async def choose(tab: Tab, example: str) -> None:
    pick = f"(e => {{ e.value = '{example}'; e.dispatchEvent(new Event('change')); return true }})"
    await tab.until(f"{pick}(document.getElementById('examples'))")
    await tab.until(
        f"document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.getValue().includes('{example}')"
    )


@pytest.mark.processes
async def test_graphiql_works_in_a_browser_that_reaches_nothing_else(edge: Edge, tmp_path: Path) -> None:
    if not is_current(locked(), VENDOR):
        pytest.skip("GraphiQL was not fetched here (python -m scripts.explorer)")
    execution = await finished(edge)
    run = "document.querySelector('.graphiql-execute-button')?.click() ?? true"
    async with serving(edge.app) as address, open_tab() as tab:
        await tab.call("Page.navigate", url=f"http://{address}/graphql")
        entered = f"(e => {{ e.value = '{token()}'; e.dispatchEvent(new Event('change')); return true }})"
        await tab.until("document.querySelector('.graphiql-container')")
        await tab.until(f"{entered}(document.getElementById('token'))")
        await choose(tab, "Workflows")
        await tab.until(run)
        shown = await tab.until(
            "(t => t.includes('totalCount') && t)(document.querySelector('.result-window').innerText)"
        )
        await tab.until("document.querySelector('.graphiql-sidebar button').click() ?? true")
        await tab.until("document.querySelector('.graphiql-doc-explorer')?.innerText.includes('Mutation')")
        await choose(tab, "ExecutionUpdated")
        variables = "document.querySelector('.graphiql-editor-tool .CodeMirror').CodeMirror"
        await tab.until(f"{variables}.getValue().includes('id')")  # the example's own: it comes a moment later
        await tab.until(f"""{variables}.setValue('{{"id": "{execution["id"]}"}}') ?? true""")
        await tab.until(run)
        streamed = await tab.until(
            "(t => t.includes('eventId') && t)(document.querySelector('.result-window').innerText)"
        )
        picture = await tab.picture()

    (tmp_path / "graphiql.png").write_bytes(picture)  # for who wants to see it
    assert '"greet"' in shown
    assert '"completed"' in streamed
    assert tab.hosts() == {address}
    assert tab.complaints() == []
