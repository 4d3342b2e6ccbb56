"""A position is one in a topic, not in whatever bears its name"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "positions",
        sa.Column(
            "topic_id",
            sa.Uuid(),
            comment="which topic bore the name; null: the broker did not say",
        ),
    )


def downgrade() -> None:
    op.drop_column("positions", "topic_id")
