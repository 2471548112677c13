"""Executions know whether people opened tasks for them.

Goes before the code: nothing older reads or writes what is added.
"""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None

SQL = Path(__file__).parent.parent / "sql" / "0010_tasks_beside.sql"


def upgrade() -> None:
    # An empty line parts statements.
    for statement in SQL.read_text(encoding="utf-8").split(";\n\n"):
        op.get_bind().exec_driver_sql(statement.strip().removesuffix(";"))


def downgrade() -> None:
    op.drop_column("executions", "has_tasks")
