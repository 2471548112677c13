"""What has changed of a tenant's tasks since an instant: the look of those who watch them.

Goes before the code: nothing older needs it.
"""

from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_index("ix_human_tasks_updated", "human_tasks", ["tenant_id", "updated_at"])


def downgrade() -> None:
    op.drop_index("ix_human_tasks_updated", "human_tasks")
