"""Figures of executions: how far they are summed, and how the sums come about.

Goes before the code: nothing older reads or writes what is added.
"""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None

SQL = Path(__file__).parent.parent / "sql" / "0007_metrics.sql"


def upgrade() -> None:
    # An empty line parts statements: the body of a function holds semicolons at the ends of its lines too.
    for statement in SQL.read_text(encoding="utf-8").split(";\n\n"):
        op.get_bind().exec_driver_sql(statement.strip().removesuffix(";"))


def downgrade() -> None:
    raise NotImplementedError("Sums of executions that are gone cannot be made again: restore a backup instead.")
