"""Attempts that other workers make for the holder of an execution.

Goes before the code: nothing older reads or writes what is added.
"""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None

SQL = Path(__file__).parent.parent / "sql" / "0008_lent_attempts.sql"


def upgrade() -> None:
    # An empty line parts statements.
    for statement in SQL.read_text(encoding="utf-8").split(";\n\n"):
        op.get_bind().exec_driver_sql(statement.strip().removesuffix(";"))


def downgrade() -> None:
    op.drop_table("lent_attempts")
