"""Evidence of finished executions.

Goes before the code: nothing older reads or writes the table.
"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

SQL = Path(__file__).parent.parent / "sql" / "0003_evidence.sql"


def upgrade() -> None:
    for statement in SQL.read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("drop policy loop_rows on human_task_audit")
    op.get_bind().exec_driver_sql("revoke select on human_task_audit from maestro_loop")
    op.get_bind().exec_driver_sql("drop table execution_evidence")
