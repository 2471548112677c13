"""The decision log holds allowed reads too: equal ones in one row, which goes after a while.

Goes before the code: nothing older writes what is added.
"""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None

SQL = Path(__file__).parent.parent / "sql" / "0009_journal.sql"


def upgrade() -> None:
    # An empty line parts statements.
    for statement in SQL.read_text(encoding="utf-8").split(";\n\n"):
        op.get_bind().exec_driver_sql(statement.strip().removesuffix(";"))


def downgrade() -> None:
    raise NotImplementedError("Columns with history are not dropped: restore a backup instead.")
