"""A real browser, told what to do over its own protocol."""

import asyncio
import base64
import json
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets

PATIENCE_S = 60.0
WAITING = """new Promise((done) => { const look = () => {
  let found = null;
  try { found = (%s) } catch { /* not there yet */ }
  if (found) done(typeof found === "string" ? found : true); else requestAnimationFrame(look);
}; look(); })"""


class Tab:
    """One page. `heard` is what the browser reported beside answers."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.heard: list[dict[str, Any]] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while (message := json.loads(await self._socket.recv())).get("id") != self._number:
            self.heard.append(message)
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    async def until(self, expression: str) -> Any:
        """The value of an expression, as soon as it is one that counts."""
        async with asyncio.timeout(PATIENCE_S):
            found = await self.call(
                "Runtime.evaluate", expression=WAITING % expression, awaitPromise=True, returnByValue=True
            )
        assert "exceptionDetails" not in found, found
        return found["result"]["value"]

    async def picture(self) -> bytes:
        """What it shows, as a PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])

    def hosts(self) -> set[str]:
        """Where it has sent requests."""
        sent = [
            each["params"]["request"]["url"] for each in self.heard if each["method"] == "Network.requestWillBeSent"
        ]
        return {httpx.URL(url).netloc.decode() for url in sent if url.startswith(("http", "ws"))}

    def complaints(self) -> list[str]:
        """Exceptions, and what its content policy refused."""
        thrown = [each["params"] for each in self.heard if each["method"] == "Runtime.exceptionThrown"]
        entries = [each["params"]["entry"] for each in self.heard if each["method"] == "Log.entryAdded"]
        logged = [entry["text"] for entry in entries if entry["level"] == "error" and entry["source"] != "network"]
        return [json.dumps(one) for one in thrown] + logged


async def _first_page(tabs: str) -> str:
    """Where to speak to the page that the browser opens by itself: it listens before it has opened any."""
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client, asyncio.timeout(PATIENCE_S):
        while True:
            for each in (await client.get(tabs)).json():
                if each["type"] == "page":
                    return str(each["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)


@asynccontextmanager
async def open_tab() -> AsyncIterator[Tab]:
    """An empty page of a browser of its own; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed here")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]
        process = await asyncio.create_subprocess_exec(
            program,
            *options,
            f"--user-data-dir={folder}",
            "--window-size=1400,900",
            "about:blank",
            stdout=DEVNULL,
            stderr=PIPE,
        )
        assert process.stderr is not None
        try:
            while b"DevTools listening on" not in (line := await process.stderr.readline()):
                assert line, "the browser has ended"
            address = httpx.URL(line.split()[-1].decode())
            url = await _first_page(f"http://{address.host}:{address.port}/json")
            async with websockets.connect(url, max_size=None, open_timeout=PATIENCE_S, ping_interval=None) as socket:
                tab = Tab(socket)
                for domain in ("Page", "Runtime", "Network", "Log"):
                    await tab.call(f"{domain}.enable")
                yield tab
        finally:
            process.terminate()
            await process.communicate()
