"""Two pieces of evidence fit on a page.

A usual one, most of it digests and signatures, is somewhat larger than half a page: kept in one piece, each had a page
to itself. What the policy decided compresses well enough for two.

Goes before or after the code; rows that are there stay as they are.
"""

from alembic import op

revision = "0015"
down_revision: str | None = "0014"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    _keep_up_to(4080)


def downgrade() -> None:
    _keep_up_to(8160)


def _keep_up_to(row_bytes: int) -> None:
    """Rows beyond this are compressed, and then parts of them stored elsewhere."""
    op.get_bind().exec_driver_sql(f"alter table execution_evidence set (toast_tuple_target = {row_bytes})")
