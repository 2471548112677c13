"""Alembic's entry: runs the migrations on the connection that `engine.store.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection

from engine.store.tables import metadata


def main() -> None:
    connection = context.config.attributes["connection"]
    if not isinstance(connection, Connection):
        raise TypeError("Migrations are run by `maestro migrate`, which opens the connection.")
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()


main()
