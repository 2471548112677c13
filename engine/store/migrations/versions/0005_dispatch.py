"""Flows of the queue, slots of workflows, and months that go.

Goes before the code: nothing older reads or writes what is added, and the index that goes is only a faster way.
"""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None

SQL = Path(__file__).parent.parent / "sql" / "0005_dispatch.sql"


def upgrade() -> None:
    # An empty line parts statements: the body of a function holds semicolons at the ends of its lines too.
    for statement in SQL.read_text(encoding="utf-8").split(";\n\n"):
        op.get_bind().exec_driver_sql(statement.strip().removesuffix(";"))


def downgrade() -> None:
    raise NotImplementedError("Slots that are held are not dropped: restore a backup instead.")
