"""Old rows of the ledgers of schedules are found by when they were written.

Goes before or after the code.
"""

from alembic import op

revision = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_index("ix_schedule_ticks_created", "schedule_ticks", ["created_at"], postgresql_using="brin")


def downgrade() -> None:
    op.drop_index("ix_schedule_ticks_created", "schedule_ticks")
