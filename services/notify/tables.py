"""Notify's tables: what was decided about every message, and the queue of those to be delivered."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)

import shared.runtime.tables
from shared.db.placement import CHAIN_WIDE

metadata = MetaData()
shared.runtime.tables.attach(metadata)

jobs = Table(
    "jobs",
    metadata,
    Column("partition", SmallInteger, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("journey", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("entry_event_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False, comment="when the journey wanted it"),
    Column("decided_at", BigInteger, nullable=False, comment="as of when it was decided"),
    Column("deadline", BigInteger, nullable=False),
    Column("decision", Text, nullable=False, comment="requested | suppressed | withdrawn"),
    Column("reason", Text, comment="why it was suppressed"),
    Column("because", JSON, nullable=False, comment="the event, the rule and the figures"),
    Column("content", JSON, nullable=False, comment="language and variables of the text"),
    Column("store_id", Text),
    Column("program_version", Integer, nullable=False),
    Column("revision", Integer, nullable=False, comment="how often it was decided again"),
    Column("superseded_by", Text, comment="the event after which it was no longer right"),
    Column("recorded_at", BigInteger, nullable=False, comment="wall time of the last decision"),
    Column("delivery", Text, comment="the last receipt: sent, delivered, opened, … or failed"),
    Column("delivery_rank", SmallInteger, comment="how far along that is"),
    Column("delivery_at", BigInteger),
    Column("provider_id", Text),
    Column("error", Text),
)
Index("jobs_by_id", jobs.c.job_id)

deliveries = Table(
    "deliveries",
    metadata,
    Column("partition", SmallInteger, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("member_id", Uuid, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("content", JSON, nullable=False),
    Column("program_version", Integer, nullable=False),
    Column("store_id", Text),
    Column("deadline", BigInteger, nullable=False),
    Column("state", Text, nullable=False, comment="waiting | sent | failed | cancelled"),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False, comment="not before; while claimed, the lease"),
    Column("claimed", Boolean, nullable=False, comment="a worker speaks, or died speaking"),
    Column("error", Text),
    Column("text_version", Integer, comment="of what was said: the program whose words it was"),
    Column("updated_at", BigInteger, nullable=False),
)
Index(
    "deliveries_waiting",
    deliveries.c.channel,
    deliveries.c.next_at,
    postgresql_where=deliveries.c.state == "waiting",
)
Index(
    "deliveries_expiring",
    deliveries.c.deadline,
    postgresql_where=deliveries.c.state == "waiting",
)

Table(
    "journey_controls",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("journey", Text, nullable=False),
    Column("at", BigInteger, nullable=False, comment="holds from then on"),
    Column("status", Text, nullable=False, comment="running | paused | finishing | stopped"),
    Column("author", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    info=CHAIN_WIDE,
)

Table(
    "journeys_woken",
    metadata,
    Column("partition", SmallInteger, primary_key=True),
    Column("control", Integer, nullable=False, comment="whoever is under way was woken for it"),
)
