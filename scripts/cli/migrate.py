"""The command `maestro migrate`."""

import asyncio

import click

from engine.settings import load_migration
from engine.store.migrate import migrate as migrate_database
from scripts.cli.environment import command_environment


@click.command()
def migrate() -> None:
    """Bring the database to this program's version. Safe to run by several at once; does nothing the second time."""
    urls = load_migration(command_environment())
    asyncio.run(migrate_database(urls.owner, application_login=urls.application_login))
    click.echo("The database is at this program's version.")
