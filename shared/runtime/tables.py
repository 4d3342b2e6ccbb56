"""The runtime's tables, put beside each service's own in its database."""

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
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

import shared.outbox.tables
import shared.timers.tables
from shared.runtime.http.tables import attach_http


def attach(metadata: MetaData) -> None:
    """Put every table of the runtime on a service's metadata."""
    shared.timers.tables.attach(metadata)
    shared.outbox.tables.attach(metadata)
    attach_http(metadata)
    Table(
        "positions",
        metadata,
        Column("partition", SmallInteger, primary_key=True),
        Column("consumer", Text, primary_key=True),
        Column("topic", Text, primary_key=True),
        Column("position", BigInteger, nullable=False, comment="the next offset to handle"),
        Column("until", BigInteger, nullable=False, comment="how far the partition's clock stands"),
        Column("epoch", BigInteger, nullable=False, comment="raised by each owner: the fence"),
        Column("topic_id", Uuid, comment="which topic bore the name; null: the broker did not say"),
    )
    letters = Table(
        "dead_letters",
        metadata,
        Column("partition", SmallInteger, primary_key=True),
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("consumer", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("key", LargeBinary),
        Column("headers", JSONB, nullable=False, comment="[[name, base64 of value], …]"),
        Column("raw", LargeBinary),
        Column("type", Text),
        Column("event_id", Text),
        Column("member_id", Text),
        Column("kind", Text, nullable=False, comment="undecodable | poison | timer"),
        Column("error", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("first_at", BigInteger, nullable=False),
        Column("last_at", BigInteger, nullable=False),
        Column("state", Text, nullable=False, comment="held | replaying | replayed | discarded"),
    )
    Index("dead_letters_state", letters.c.state, letters.c.consumer, letters.c.partition)
