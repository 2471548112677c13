"""Every table, its row security, its partitions and its view.

Goes before the code: nothing older reads these tables.
"""

from collections.abc import Iterator
from pathlib import Path

from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

SQL = Path(__file__).parent.parent / "sql"
PARTS = ("0001_roles", "0001_tables", "0001_security", "0001_partitions", "0001_views")


def statements(part: str) -> Iterator[str]:
    """Statements of one file; a semicolon at the end of a line ends one, outside of `$$` bodies."""
    gathered: list[str] = []
    inside_body = False
    for line in (SQL / f"{part}.sql").read_text(encoding="utf-8").splitlines():
        if not gathered and (not line.strip() or line.startswith("--")):
            continue
        gathered.append(line)
        inside_body ^= line.count("$$") % 2 == 1
        if line.rstrip().endswith(";") and not inside_body:
            yield "\n".join(gathered)
            gathered = []


def upgrade() -> None:
    for part in PARTS:
        for statement in statements(part):
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise NotImplementedError("The first migration is not undone: drop the database instead.")
