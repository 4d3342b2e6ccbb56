"""The table of commands: asked, then decided. One row a command, kept as long as the facts are."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, SmallInteger, Table, Text
from sqlalchemy.types import Uuid


def attach(metadata: MetaData) -> None:
    """Put the table on the metadata of a service that takes commands."""
    commands = Table(
        "commands",
        metadata,
        Column("partition", SmallInteger, primary_key=True),
        Column("id", Uuid, primary_key=True, comment="of the command's event: caller and key"),
        Column("member_id", Uuid, nullable=False),
        Column("asked", LargeBinary, comment="the command's event, while it is not decided"),
        Column("verdict", Text, comment="JSON; null: not decided yet"),
        Column("at", BigInteger, nullable=False, comment="when it was decided, or read"),
    )
    Index("commands_undecided", commands.c.partition, postgresql_where=commands.c.verdict.is_(None))
