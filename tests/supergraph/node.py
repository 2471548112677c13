"""The programs of federation/gateway, where Node and their packages are there."""

import asyncio
import os
import shutil
import subprocess
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "federation" / "gateway"
_OLDEST = 20


@cache
def missing() -> str | None:
    """What stands in the way of running them; None: nothing."""
    node = shutil.which("node")
    if node is None:
        return "Node 20 is not installed"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < _OLDEST:
        return f"Node is {version.strip()}, and 20 is needed"
    if not (FOLDER / "node_modules").is_dir():
        return "the npm packages of federation/gateway are not installed (npm ci there, or ./scripts/test)"
    return None


def needs_node() -> None:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)


async def run(script: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and output of a program that ends."""
    process = await asyncio.create_subprocess_exec(
        "node", str(FOLDER / script), *arguments, env={**os.environ, **environment}, stdout=PIPE, stderr=PIPE
    )
    out, problems = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, (out or problems).decode()


@asynccontextmanager
async def gateway(urls: dict[str, str], **environment: str) -> AsyncIterator[str]:
    """Address of a gateway over running subgraphs."""
    options = [part for name, url in urls.items() for part in ("--url", f"{name}={url}")]
    process = await asyncio.create_subprocess_exec(
        "node", str(FOLDER / "gateway.mjs"), "--port", "0", *options,
        env={**os.environ, "NODE_ENV": "production", **environment}, stdout=PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 120)).decode().split()
        assert line[:1] == ["ready"]
        yield line[1]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
