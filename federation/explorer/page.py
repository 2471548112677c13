"""GraphiQL for people: one page without any other server, made when the application starts.

Script and style stand in the page itself and are allowed by their hashes, so that nothing else can run in it. The page
holds no data and needs no token; what it asks for does.
"""

import base64
import hashlib
from pathlib import Path
from typing import Final

import orjson
from starlette.responses import HTMLResponse

FOLDER: Final = Path(__file__).parent
OPERATIONS: Final = FOLDER.parents[1] / "schema" / "operations"


class ExplorerPage:
    """The page with its example operations."""

    def __init__(self) -> None:
        style = (FOLDER / "explorer.css").read_text("utf-8")
        script = (FOLDER / "explorer.js").read_text("utf-8")
        page = (FOLDER / "explorer.html").read_text("utf-8")
        # `<` is escaped: no text within the data can end the element that holds it.
        examples = orjson.dumps(operations()).decode().replace("<", "\\u003c")
        for mark, text in (("/*style*/", style), ("/*script*/", script), ("/*examples*/", examples)):
            page = page.replace(mark, text)
        self._page = page
        self._headers = {
            "cache-control": "no-cache",
            "content-security-policy": "; ".join(
                (
                    "default-src 'none'",
                    "connect-src 'self'",
                    f"script-src '{_source(script)}'",
                    f"style-src '{_source(style)}'",
                    "base-uri 'none'",
                    "form-action 'none'",
                    "frame-ancestors 'none'",
                )
            ),
        }

    def response(self) -> HTMLResponse:
        """The page as an answer."""
        return HTMLResponse(self._page, headers=self._headers)


def operations() -> dict[str, str]:
    """The operations that come with the schema, by name."""
    return {file.stem: file.read_text("utf-8").strip() for file in sorted(OPERATIONS.glob("*.graphql"))}


def _source(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
