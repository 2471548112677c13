"""GraphiQL for people: one page that needs no other server.

The page of the npm package is served where `scripts/environment.sh` has fetched it; until then, and where there is no
npm, a small one of the product's own stands in. Scripts and style stand in the page itself and are allowed by their
hashes, so that nothing else can run in it. It holds no data and needs no token; what it asks for does.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
from starlette.responses import HTMLResponse

FOLDER: Final = Path(__file__).parent
VENDOR: Final = FOLDER / "vendor"
OPERATIONS: Final = FOLDER.parents[1] / "schema" / "operations"
SCRIPTS: Final = ("react.production.min.js", "react-dom.production.min.js", "graphiql.min.js")
STYLE: Final = "graphiql.min.css"
STAMP: Final = "stamp"
"""Written when all files are there."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page and the headers that say what may run in it."""

    text: str
    headers: dict[str, str]


class ExplorerPage:
    """The page with its example operations; which one, is looked at until the package is there."""

    def __init__(self, vendor: Path = VENDOR) -> None:
        self._vendor = vendor
        self._page = _own()
        self._is_graphiql = False

    def response(self) -> HTMLResponse:
        """The page as an answer."""
        if not self._is_graphiql and (self._vendor / STAMP).is_file():
            self._page, self._is_graphiql = _graphiql(self._vendor), True
        return HTMLResponse(self._page.text, headers=self._page.headers)


def operations() -> dict[str, str]:
    """The operations that come with the schema, by name."""
    return {file.stem: file.read_text("utf-8").strip() for file in sorted(OPERATIONS.glob("*.graphql"))}


def _own() -> Page:
    return _page("explorer", _read(FOLDER / "explorer.js"), _read(FOLDER / "explorer.css"), "")


def _graphiql(vendor: Path) -> Page:
    scripts = [*(_read(vendor / name) for name in SCRIPTS), _read(FOLDER / "graphiql.js")]
    # No text within a script can end the element that holds it; the map of the package's sources is not served.
    script = "\n".join(scripts).replace("</script", "<\\/script").replace("//# sourceMappingURL=", "// sources: ")
    # Pictures and fonts of the package are part of its style sheet; its menus and dialogs bring a style of their own.
    more = "img-src data:; font-src data:; style-src-attr 'unsafe-inline'"
    return _page("graphiql", script, _read(vendor / STYLE) + _read(FOLDER / "graphiql.css"), more)


def _page(name: str, script: str, style: str, more: str) -> Page:
    text = _read(FOLDER / f"{name}.html")
    # `<` is escaped: no text within the data can end the element that holds it.
    examples = orjson.dumps(operations()).decode().replace("<", "\\u003c")
    for mark, content in (("/*style*/", style), ("/*script*/", script), ("/*examples*/", examples)):
        text = text.replace(mark, content)
    allowed = [
        "default-src 'none'",
        "connect-src 'self'",
        f"script-src '{_source(script)}'",
        f"style-src '{_source(style)}'",
        *([more] if more else []),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    return Page(text, {"cache-control": "no-cache", "content-security-policy": "; ".join(allowed)})


def _read(file: Path) -> str:
    return file.read_text("utf-8")


def _source(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
