"""What a member's purchases gave to whoever sent them"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "awards",
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False, comment="the newcomer"),
        sa.Column("effect_id", sa.Uuid(), nullable=False),
        sa.Column(
            "revision", sa.BigInteger(), nullable=False, comment="of what was said of it last"
        ),
        sa.Column("stands", sa.Boolean(), nullable=False),
        sa.Column("award", sa.LargeBinary(), nullable=False, comment="what was said, JSON"),
        sa.PrimaryKeyConstraint("partition", "member_id", "effect_id"),
    )


def downgrade() -> None:
    op.drop_table("awards")
