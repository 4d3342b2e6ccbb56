"""Ingest's tables, beside those of the runtime.

What says who somebody is stands here and nowhere else, encrypted (`…_sealed`, see `store.vault`);
names are looked up by keyed hash. Names, sources and stores are the whole chain's and belong to no
lane. Instants are microseconds since 1970.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.db.placement import CHAIN_WIDE
from shared.runtime import tables as runtime_tables

metadata = MetaData()
runtime_tables.attach(metadata)

members = Table(
    "members",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("created_at", BigInteger, nullable=False, comment="when ingest made the id"),
    Column("first_event_at", BigInteger, nullable=False, comment="time of the event that did it"),
    Column("first_event_id", Text, nullable=False),
    Column("source", Text, nullable=False, comment="CloudEvents source of that event"),
    Column("store_id", Text),
    info=CHAIN_WIDE,
)

identities = Table(
    "identities",
    metadata,
    Column("name_hash", LargeBinary, primary_key=True, comment="keyed hash of kind:value"),
    Column("member_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name_sealed", LargeBinary, nullable=False),
    Column("event_id", Text, nullable=False, comment="the event that brought it"),
    Column("linked_at", BigInteger, nullable=False),
    info=CHAIN_WIDE,
)
Index("identities_member", identities.c.member_id)

identity_conflicts = Table(
    "identity_conflicts",
    metadata,
    Column("name_hash", LargeBinary, primary_key=True),
    Column("member_id", Uuid, primary_key=True, comment="who the event said it belongs to"),
    Column("owner_id", Uuid, comment="whose it is; null: beyond the limit of its kind"),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False, comment="other-member | limit"),
    Column("event_id", Text, nullable=False),
    Column("found_at", BigInteger, nullable=False),
    info=CHAIN_WIDE,
)

personal_data = Table(
    "personal_data",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("value_sealed", LargeBinary, nullable=False),
    Column("event_at", BigInteger, nullable=False, comment="the latest event that told it"),
    info=CHAIN_WIDE,
)

sources = Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    Column("key_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256 of its key"),
    Column("types", ARRAY(Text), comment="null: every type"),
    Column("stores", ARRAY(Text), comment="null: every store"),
    Column("origins", ARRAY(Text), comment="CloudEvents sources it may use; null: every one"),
    Column("strict", Boolean, nullable=False),
    Column("rate_per_second", Double, comment="null: as fast as it can"),
    Column("burst", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    info=CHAIN_WIDE,
)

rejected_events = Table(
    "rejected_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False),
    Column("rejected_at", BigInteger, nullable=False),
    Column("event_id", Text),
    Column("type", Text),
    Column("problem", JSONB, nullable=False),
    Column("raw_sealed", LargeBinary, nullable=False),
    info=CHAIN_WIDE,
)
Index("rejected_events_source", rejected_events.c.source, rejected_events.c.id)

order_index = Table(
    "order_index",
    metadata,
    Column("order_name", Uuid, primary_key=True, comment="of its number and its store"),
    Column("member_id", Uuid, comment="whose it is; null: nobody is known yet"),
    Column("digest", BigInteger, comment="of its content; null: not told yet"),
    Column("at", Integer, nullable=False, comment="when it was bought, seconds since 2000"),
    Column("recorded_at", Integer, nullable=False, comment="when that was told, likewise"),
    Column("reused", Boolean, nullable=False, comment="a till has used the number twice"),
    Column("moves", SmallInteger, nullable=False, comment="how often it went to somebody else"),
    info=CHAIN_WIDE,
)
Index("order_index_recorded", order_index.c.recorded_at, postgresql_using="brin")

order_notes = Table(
    "order_notes",
    metadata,
    Column("order_name", Uuid, primary_key=True),
    Column("event_key", LargeBinary, primary_key=True),
    Column("is_basket", Boolean, nullable=False, comment="bought by nobody known; else a refund …"),
    Column("member_id", Uuid, comment="whom it was said of; null: nobody"),
    Column("at", BigInteger, nullable=False),
    Column("recorded_at", Integer, nullable=False, comment="seconds since 2000"),
    Column("event", LargeBinary, nullable=False, comment="as it stands on the log"),
    info=CHAIN_WIDE,
)
Index("order_notes_recorded", order_notes.c.recorded_at, postgresql_using="brin")

receipt_codes = Table(
    "receipt_codes",
    metadata,
    Column("code_name", Uuid, primary_key=True, comment="hash of the code"),
    Column("order_name", Uuid, comment="null: not bought yet, as far as we were told"),
    Column("member_id", Uuid, comment="who claimed it first"),
    Column("recorded_at", Integer, nullable=False, comment="seconds since 2000"),
    info=CHAIN_WIDE,
)
Index("receipt_codes_recorded", receipt_codes.c.recorded_at, postgresql_using="brin")

stores = Table(
    "stores",
    metadata,
    Column("store_id", Text, primary_key=True),
    Column("name", Text),
    Column("region", Text),
    Column("city", Text),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("time_zone", Text),
    Column("confirmed", Boolean, nullable=False, comment="false: only events have named it so far"),
    Column("first_source", Text, comment="the source whose event named it first"),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    info=CHAIN_WIDE,
)
Index("stores_unconfirmed", stores.c.store_id, postgresql_where=~stores.c.confirmed)
