"""The command `maestro top`."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import click
import httpx
from rich.console import Console
from rich.live import Live

from engine.settings import Settings
from scripts.cli.environment import command_settings
from scripts.embedded.environment import running_worker_metrics_port
from scripts.top.picture import picture_of
from scripts.top.scrape import Scrape, scrape
from scripts.top.screen import Past, screen

_PATIENCE_S: Final = 2.0


@click.command()
@click.option("--url", "urls", multiple=True, help="Address of a process's /metrics; again for each process.")
@click.option(
    "--every", "every_s", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Seconds between looks."
)
@click.option("--once", is_flag=True, help="Print one picture and end.")
def top(urls: tuple[str, ...], every_s: float, *, once: bool) -> None:
    """Show live what runs: throughput, queue age, running executions, failures. Ctrl-C ends it.

    Without --url it asks the API at its address and, beside a running ./scripts/run or where MAESTRO_METRICS_PORT is
    set, the worker.
    """
    addresses = urls or own_addresses(command_settings())
    try:
        asyncio.run(_watch(addresses, every_s, Console(), once=once))
    except KeyboardInterrupt:
        click.echo("")


def own_addresses(settings: Settings) -> tuple[str, ...]:
    """Where the API and the worker of these settings show their metrics."""
    worker = settings.metrics_port or running_worker_metrics_port(settings.data_dir)
    ports = (settings.port, *(() if worker is None else (worker,)))
    return tuple(f"http://{settings.host}:{port}/metrics" for port in ports)


async def _watch(addresses: Sequence[str], every_s: float, console: Console, *, once: bool) -> None:
    """Look for ever, or once.

    Raises:
        ClickException: nobody answers at the first look.
    """
    past = Past()
    async with httpx.AsyncClient(timeout=_PATIENCE_S, trust_env=False) as client:
        before = await _first(client, addresses)
        with Live(console=console, screen=not once and console.is_terminal, auto_refresh=False) as live:
            while True:
                await asyncio.sleep(every_s)
                after = await scrape(client, addresses, time.monotonic())
                picture = picture_of(before, after)
                past.remember(picture)
                live.update(screen(picture, past), refresh=True)
                if once:
                    return
                before = after


async def _first(client: httpx.AsyncClient, addresses: Sequence[str]) -> Scrape:
    first = await scrape(client, addresses, time.monotonic())
    if not first.processes:
        raise click.ClickException(f"Nobody answers at {', '.join(first.silent)}.")
    return first
