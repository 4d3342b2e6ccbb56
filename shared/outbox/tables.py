"""The outbox: a row holds one transaction's messages for one partition of a topic, packed."""

from sqlalchemy import BigInteger, Column, Identity, Integer, LargeBinary, MetaData, Table, Text


def attach(metadata: MetaData) -> None:
    """Put the table on a service's metadata."""
    Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("topic", Text, nullable=False),
        Column("partition", Integer, nullable=False),
        Column("count", Integer, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("messages", LargeBinary, nullable=False),
        Column("lane", Text, comment="who publishes it from memory; null: the relay does"),
    )
