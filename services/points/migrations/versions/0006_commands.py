"""Points given or taken by hand: commands, and an account of their own"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "commands",
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="of the command's event: caller and key"
        ),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "asked", sa.LargeBinary(), comment="the command's event, while it is not decided"
        ),
        sa.Column("verdict", sa.Text(), comment="JSON; null: not decided yet"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="when it was decided, or read"),
        sa.PrimaryKeyConstraint("partition", "id"),
    )
    op.create_index(
        "commands_undecided", "commands", ["partition"], postgresql_where=sa.text("verdict IS NULL")
    )
    _comments(
        "issued or adjusted (of the store), or available (member's)",
        "earn | clawback | adjust | correction",
    )


def downgrade() -> None:
    op.drop_table("commands")
    _comments("issued (of the store) or available (member's)", "earn | clawback | correction")


def _comments(debit: str, code: str) -> None:
    for column, comment in (("debit", debit), ("code", code)):
        op.alter_column("transfers", column, existing_type=sa.Text(), comment=comment)
