"""Readers of SQL see steps as readers of the API do.

Goes before or after the code.
"""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    _run("0012_steps_view.sql", ";\n\n")


def downgrade() -> None:
    op.get_bind().exec_driver_sql("drop view workflow_executions")
    op.get_bind().exec_driver_sql("drop function maestro_instant(timestamptz)")
    _run("0001_views.sql", ";\n")


def _run(name: str, end: str) -> None:
    for statement in (SQL / name).read_text(encoding="utf-8").split(end):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement.strip().removesuffix(";"))
