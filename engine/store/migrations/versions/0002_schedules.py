"""What firing schedules needs: when the next tick is due, since when it was watched, who asked for a tick.

Goes before the code: nothing older writes these tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.add_column("scheduled_workflows", sa.Column("next_due_at", instant))
    op.add_column(
        "scheduled_workflows", sa.Column("watched_from", instant, nullable=False, server_default=sa.func.now())
    )
    op.add_column(
        "scheduled_workflows", sa.Column("revision", sa.BigInteger, nullable=False, server_default=sa.text("1"))
    )
    op.alter_column("scheduled_workflows", "drift_window_s", nullable=True, server_default=None)
    op.drop_index("ix_scheduled_workflows_next_tick", "scheduled_workflows")
    op.create_index(
        "ix_scheduled_workflows_next_due",
        "scheduled_workflows",
        ["next_due_at"],
        postgresql_where=sa.text("status = 'active'"),
    )
    op.add_column("schedule_ticks", sa.Column("overlap", sa.Text))
    op.add_column("schedule_ticks", sa.Column("requested_by", sa.Text))
    op.create_index(
        "ix_schedule_ticks_waiting",
        "schedule_ticks",
        ["tenant_id", "schedule_id", "tick_at"],
        postgresql_where=sa.text("status in ('pending', 'buffered')"),
    )


def downgrade() -> None:
    raise NotImplementedError("Columns with history are not dropped: restore a backup instead.")
