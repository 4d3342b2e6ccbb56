"""Journeys are paused, resumed and stopped; texts are corrected"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "journey_controls",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="holds from then on"),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="running | paused | finishing | stopped"
        ),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "journeys_woken",
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column(
            "control", sa.Integer(), nullable=False, comment="whoever is under way was woken for it"
        ),
        sa.PrimaryKeyConstraint("partition"),
    )
    words = "of what was said: the program whose words it was"
    op.add_column("deliveries", sa.Column("text_version", sa.Integer(), comment=words))


def downgrade() -> None:
    op.drop_column("deliveries", "text_version")
    op.drop_table("journeys_woken")
    op.drop_table("journey_controls")
