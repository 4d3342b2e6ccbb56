"""The outbox: a row holds one transaction's messages for one partition of a topic, packed."""

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)


def attach(metadata: MetaData) -> None:
    """Put the table on a service's metadata."""
    outbox = Table(
        "outbox",
        metadata,
        Column("partition", SmallInteger, primary_key=True, comment="of the lane that writes"),
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("topic", Text, nullable=False),
        Column("target", SmallInteger, comment="partition of the topic; null: the same"),
        Column("count", Integer, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("messages", LargeBinary, nullable=False),
        Column("lane", Text, comment="who publishes it from memory; null: the relay does"),
    )
    # the relay takes the oldest rows of all partitions
    Index("outbox_waiting", outbox.c.id, postgresql_where=outbox.c.lane.is_(None))
