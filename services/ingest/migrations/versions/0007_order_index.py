"""Whose an order is, and baskets without a name

Begins empty: orders that are on the log already are entered as the consumer reads it from its
beginning.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "order_index",
        sa.Column("order_name", sa.Uuid(), nullable=False, comment="of its number and its store"),
        sa.Column("member_id", sa.Uuid(), comment="whose it is; null: nobody is known yet"),
        sa.Column("digest", sa.BigInteger(), comment="of its content; null: not told yet"),
        sa.Column(
            "at", sa.Integer(), nullable=False, comment="when it was bought, seconds since 2000"
        ),
        sa.Column(
            "recorded_at", sa.Integer(), nullable=False, comment="when that was told, likewise"
        ),
        sa.Column(
            "reused", sa.Boolean(), nullable=False, comment="a till has used the number twice"
        ),
        sa.Column(
            "moves", sa.SmallInteger(), nullable=False, comment="how often it went to somebody else"
        ),
        sa.PrimaryKeyConstraint("order_name"),
    )
    op.create_table(
        "order_notes",
        sa.Column("order_name", sa.Uuid(), nullable=False),
        sa.Column("event_key", sa.LargeBinary(), nullable=False),
        sa.Column(
            "is_basket",
            sa.Boolean(),
            nullable=False,
            comment="bought by nobody known; else a refund …",
        ),
        sa.Column("member_id", sa.Uuid(), comment="whom it was said of; null: nobody"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.Integer(), nullable=False, comment="seconds since 2000"),
        sa.Column("event", sa.LargeBinary(), nullable=False, comment="as it stands on the log"),
        sa.PrimaryKeyConstraint("order_name", "event_key"),
    )
    op.create_table(
        "receipt_codes",
        sa.Column("code_name", sa.Uuid(), nullable=False, comment="hash of the code"),
        sa.Column("order_name", sa.Uuid(), comment="null: not bought yet, as far as we were told"),
        sa.Column("member_id", sa.Uuid(), comment="who claimed it first"),
        sa.Column("recorded_at", sa.Integer(), nullable=False, comment="seconds since 2000"),
        sa.PrimaryKeyConstraint("code_name"),
    )
    for table in ("order_index", "order_notes", "receipt_codes"):
        op.create_index(
            f"{table}_recorded",
            table,
            ["recorded_at"],
            postgresql_using="brin",
        )


def downgrade() -> None:
    for table in ("receipt_codes", "order_notes", "order_index"):
        op.drop_table(table)
