"""The revision that lets versions of the program be withdrawn."""

from typing import Final

import sqlalchemy as sa
from alembic import op

_COLUMNS: Final = ("withdrawn_at", "withdrawn_by", "withdrawn_note", "withdrawn_members")


def let_versions_be_withdrawn() -> None:
    """Add the columns of `programs` and the table `judged_anew`."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    since = "since then it counts as never in force"
    op.add_column("programs", sa.Column("withdrawn_at", sa.BigInteger(), comment=since))
    op.add_column("programs", sa.Column("withdrawn_by", sa.Text()))
    op.add_column("programs", sa.Column("withdrawn_note", sa.Text()))
    had = "who had anything in its time, then"
    op.add_column("programs", sa.Column("withdrawn_members", sa.BigInteger(), comment=had))
    op.create_table(
        "judged_anew",
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="of the program; it was withdrawn"
        ),
        sa.Column("after", sa.Uuid(), nullable=False, comment="the last member that was looked at"),
        sa.Column("members", sa.BigInteger(), nullable=False, comment="how many were judged anew"),
        sa.Column("done_at", sa.BigInteger(), comment="null: there are more"),
        sa.PrimaryKeyConstraint("partition", "version"),
    )


def undo() -> None:
    """Take both away again."""
    op.drop_table("judged_anew")
    for column in reversed(_COLUMNS):
        op.drop_column("programs", column)
