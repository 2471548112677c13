"""Readers of SQL see the decision log in OPA's form; columns that nothing ever filled are gone.

Goes before or after the code.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None

SQL = Path(__file__).parent.parent / "sql"
NEVER_FILLED = ("bundles", "metrics", "erased")


def upgrade() -> None:
    for name in NEVER_FILLED:
        op.drop_column("policy_decisions", name)
    for statement in (SQL / "0013_decision_log.sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement.strip())


def downgrade() -> None:
    op.get_bind().exec_driver_sql("drop view policy_decision_log")
    for name in NEVER_FILLED:
        op.add_column("policy_decisions", sa.Column(name, JSONB))
