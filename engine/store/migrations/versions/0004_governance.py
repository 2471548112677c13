"""What governance needs: who has edited a draft since it was published, and the order in which audit rows are chained.

Goes before the code: nothing older reads the columns, and their defaults serve what older code writes.
"""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None

SQL = Path(__file__).parent.parent / "sql" / "0004_governance.sql"


def upgrade() -> None:
    for statement in SQL.read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.get_bind().exec_driver_sql("drop table audit_positions")
    op.get_bind().exec_driver_sql("alter table audit_entries drop column txid")
    op.get_bind().exec_driver_sql("alter table workflow_definitions drop column editors")
