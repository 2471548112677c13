"""`./scripts/gateway`, once the environment is there."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from typing import Final

import click
import httpx
import uvicorn

from engine.clock import SystemClock
from engine.errors import MaestroError
from engine.settings import Settings, process_environment
from federation.sample.app import create_sample
from federation.sample.storage import Teams
from scripts.checks.gates import ROOT
from scripts.cli.api import open_verifier
from scripts.cli.environment import command_settings

GATEWAY: Final = ROOT / "federation" / "gateway" / "gateway.mjs"
LOOPBACK: Final = "127.0.0.1"
STOP_S: Final = 10.0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--port", default=4000, show_default=True, help="Port of the gateway.")
@click.option("--teams-port", default=4105, show_default=True, help="Port of the sample subgraph.")
def main(*, port: int, teams_port: int) -> None:
    """Serve the supergraph until Ctrl-C: the composer, which runs already, and the sample subgraph beside it."""
    try:
        sys.exit(asyncio.run(_serve(command_settings(), port, teams_port)))
    except MaestroError as error:
        raise click.ClickException(error.message) from error


async def _serve(settings: Settings, port: int, teams_port: int) -> int:
    composer = f"http://{settings.host}:{settings.port}"
    await _expect(composer)
    teams = Teams(settings.data_dir / "teams.json")
    async with open_verifier(settings, SystemClock()) as verifier:
        app = create_sample(teams, verifier, settings.router_secrets)
        config = uvicorn.Config(app, LOOPBACK, teams_port, log_level="warning", access_log=False, lifespan="off")
        sample = asyncio.create_task(uvicorn.Server(config).serve())
        urls = {"composer": f"{composer}/graphql", "teams": f"http://{LOOPBACK}:{teams_port}/graphql"}
        gateway = await _start_gateway(settings, urls, port)
        try:
            return await _watch(sample, gateway)
        finally:
            sample.cancel()
            await asyncio.wait({sample}, timeout=STOP_S)


async def _expect(composer: str) -> None:
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            (await client.get(f"{composer}/livez")).raise_for_status()
    except httpx.HTTPError as error:
        raise click.ClickException(f"No composer answers at {composer}. Start it first: ./scripts/run") from error


async def _start_gateway(settings: Settings, urls: dict[str, str], port: int) -> Process:
    options = [f"--url={name}={url}" for name, url in urls.items()]
    arguments = [part for option in options for part in option.split("=", 1)]
    environment = {**process_environment(), "NODE_ENV": "production"}
    if settings.router_secrets:
        environment["MAESTRO_ROUTER_SECRET"] = settings.router_secrets[0]
    return await asyncio.create_subprocess_exec(
        "node", str(GATEWAY), "--port", str(port), *arguments, env=environment, stdout=PIPE, process_group=0
    )


async def _watch(sample: asyncio.Task[None], gateway: Process) -> int:
    """Say where the gateway is, and go on until somebody ends it or one of the two ends by itself."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    assert gateway.stdout is not None  # noqa: S101  asked for where it was started; tells the type checker
    first = (await gateway.stdout.readline()).decode().split()
    if first[:1] == ["ready"]:
        print(f"The supergraph is at {first[1]} (send the token of `maestro token`). Ctrl-C ends it.", flush=True)
    ends = [asyncio.ensure_future(stopped.wait()), asyncio.ensure_future(gateway.wait()), sample]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    if gateway.returncode is None:
        gateway.terminate()
    code = await asyncio.wait_for(gateway.wait(), STOP_S)
    return 0 if stopped.is_set() else code or 1


main(prog_name="./scripts/gateway")
