"""Rows of the outbox that their lane publishes by itself"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "outbox",
        sa.Column("lane", sa.Text(), comment="who publishes it from memory; null: the relay does"),
    )


def downgrade() -> None:
    op.drop_column("outbox", "lane")
