"""`maestro ledger keys …`: a click group for the operator's command line to mount."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import click

from ledger.bootstrap import Ledger, open_ledger
from ledger.errors import LedgerError
from ledger.publication import key_document
from ledger.rotation import instant, revoke, rotate
from ledger.settings import DEFAULT_OVERLAP_DAYS, LedgerSettings
from ledger.values import Purpose

T = TypeVar("T")
_PURPOSE = click.option(
    "--purpose", type=click.Choice([each.value for each in Purpose]), default=Purpose.EVIDENCE.value
)


@click.group("keys")
def keys() -> None:
    """Keys of the ledger: list, rotate, revoke."""


@keys.command("list")
def list_keys() -> None:
    """Every key that ever was, with its validity, and the log's verifier keys."""

    async def show(ledger: Ledger) -> None:
        ring = await ledger.log.keyring()
        for record in ring.records:
            end = "revoked" if record.revoked_at else record.not_after and f"until {instant(record.not_after)}"
            click.echo(f"{record.purpose:<8} {record.keyid}  from {instant(record.not_before)}  {end or 'in use'}")
        log = key_document(ring, ledger.origin)["log"]
        for verifier in log["verifierKeys"] if isinstance(log, dict) and isinstance(log["verifierKeys"], list) else []:
            click.echo(f"verifier {verifier}")

    _run(show)


@keys.command("rotate")
@_PURPOSE
@click.option("--overlap-days", type=click.FloatRange(min=0), default=DEFAULT_OVERLAP_DAYS, show_default=True)
def rotate_key(purpose: str, overlap_days: float) -> None:
    """Make a new key, logged under the signature of the old; both sign during the overlap."""

    async def change(ledger: Ledger) -> None:
        overlap = timedelta(days=overlap_days)
        record = await rotate(ledger.log, ledger.settings.private, Purpose(purpose), ledger.now(), overlap)
        await ledger.refresh_trust()
        click.echo(record.keyid)

    _run(change)


@keys.command("revoke")
@_PURPOSE
@click.argument("keyid")
def revoke_key(purpose: str, keyid: str) -> None:
    """Revoke a key (its id, or the unique beginning of it): only what the log held before still counts."""

    async def change(ledger: Ledger) -> None:
        record = await revoke(ledger.log, Purpose(purpose), keyid, ledger.now())
        await ledger.refresh_trust()
        click.echo(record.keyid)

    _run(change)


def _run(work: Callable[[Ledger], Awaitable[T]]) -> T:
    async def inside() -> T:
        async with open_ledger(LedgerSettings.from_environment()) as ledger:
            return await work(ledger)

    try:
        return asyncio.run(inside())
    except LedgerError as exc:
        raise click.ClickException(exc.message) from exc
