"""Row security filters rows and never chooses how they are found.

The planner took the policy's condition for a cheap way into a table: group commits walked all executions of their
tenants, or of their worker, instead of going from given ids to rows. `IS TRUE` hides it from the choice of an index;
within a subquery the setting is read once a statement and not once a row. Every statement names its tenants itself.

Goes before or after the code.
"""

from pathlib import Path

from alembic import op

revision = "0014"
down_revision: str | None = "0013"
branch_labels: str | None = None
depends_on: str | None = None

ALTER = (Path(__file__).parent.parent / "sql" / "0014_row_security.sql").read_text(encoding="utf-8")
FILTER = "(tenant_id = any ((select nullif(current_setting('maestro.tenants', true), ''))::text[])) is true"
INDEXABLE = "tenant_id = any (nullif(current_setting('maestro.tenants', true), '')::text[])"


def upgrade() -> None:
    _alter(FILTER)


def downgrade() -> None:
    _alter(INDEXABLE)


def _alter(condition: str) -> None:
    op.get_bind().exec_driver_sql("select set_config('maestro.new_condition', $1, true)", (condition,))
    op.get_bind().exec_driver_sql(ALTER)
