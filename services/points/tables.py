"""The ledger's tables. Every primary key begins with the partition, then names the member."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)

from shared.runtime.commands.tables import attach as attach_commands
from shared.runtime.tables import attach

metadata: Final = MetaData()
attach(metadata)
attach_commands(metadata)

transfers: Final = Table(
    "transfers",
    metadata,
    Column("partition", SmallInteger, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    # the time comes before the id, so that this one index also serves "newest first"
    Column("event_at", BigInteger, primary_key=True),
    Column("id", Uuid, primary_key=True, comment="made of member, event, rule and generation"),
    Column("recorded_at", BigInteger, nullable=False),
    Column(
        "debit",
        Text,
        nullable=False,
        comment="issued or adjusted (of the store), or available (member's)",
    ),
    Column("credit", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("code", Text, nullable=False, comment="earn | clawback | adjust | correction"),
    Column("event_id", Text, nullable=False),
    Column("event_key", LargeBinary, nullable=False, comment="identity of source and id"),
    Column("rule", Text, nullable=False),
    Column("program_version", Integer, nullable=False),
    Column("explanation", LargeBinary, nullable=False, comment="the figures that decided, JSON"),
    Column("balance_after", BigInteger, nullable=False),
    Column("store_id", Text, nullable=False),
    Column("funder", Text, nullable=False),
    Column("order_id", Text),
    Column("correction", Text, comment="id of the event that made a correction necessary"),
    CheckConstraint("points > 0", name="transfers_points_positive"),
    CheckConstraint("debit <> credit", name="transfers_two_accounts"),
)

lots: Final = Table(
    "lots",
    metadata,
    Column("partition", SmallInteger, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, comment="the id of the transfer that granted it"),
    Column("event_at", BigInteger, nullable=False),
    Column("granted", BigInteger, nullable=False),
    Column("remaining", BigInteger, nullable=False),
    Column("expires_on", Date, comment="the last day; null: no last day"),
    CheckConstraint("remaining BETWEEN 0 AND granted", name="lots_remaining_within"),
)

accounts: Final = Table(
    "accounts",
    metadata,
    Column("partition", SmallInteger, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("available", BigInteger, nullable=False),
    Column("pending", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("lifetime", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    postgresql_with={"fillfactor": 70},
)

flows: Final = Table(
    "flows",
    metadata,
    # the sum of all transfers of a store from one account to another; a lane adds to rows of its
    # own partition only, so lanes never wait for each other here
    Column("partition", SmallInteger, primary_key=True),
    Column("store_id", Text, primary_key=True),
    Column("debit", Text, primary_key=True),
    Column("credit", Text, primary_key=True),
    Column("points", BigInteger, nullable=False),
    postgresql_with={"fillfactor": 70},
)

awards: Final = Table(
    "awards",
    metadata,
    # what a member's purchases gave to somebody else; the other's books have it as a fact
    Column("partition", SmallInteger, primary_key=True),
    Column("member_id", Uuid, primary_key=True, comment="the newcomer"),
    Column("effect_id", Uuid, primary_key=True),
    Column("revision", BigInteger, nullable=False, comment="of what was said of it last"),
    Column("stands", Boolean, nullable=False),
    Column("award", LargeBinary, nullable=False, comment="what was said, JSON"),
)

remarks: Final = Table(
    "remarks",
    metadata,
    Column("partition", SmallInteger, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("event_at", BigInteger, primary_key=True),
    Column("event_key", LargeBinary, primary_key=True),
    Column("code", Text, primary_key=True, comment="why an event moved nothing, or less"),
    Column("event_id", Text, nullable=False),
    Column("figures", LargeBinary, nullable=False),
)
