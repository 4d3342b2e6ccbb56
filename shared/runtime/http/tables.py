"""The tables of the HTTP edge: answers kept for `Idempotency-Key`, and the program's versions.

Imports nothing of the runtime, so that `shared.runtime.tables` can call it.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.db.placement import CHAIN_WIDE


def attach_http(metadata: MetaData) -> None:
    """Put the edge's tables on a service's metadata."""
    keys = Table(
        "idempotency_keys",
        metadata,
        Column("caller", Text, primary_key=True, comment="subject of the token"),
        Column("key", Text, primary_key=True, comment="Idempotency-Key as sent"),
        Column("fingerprint", LargeBinary, nullable=False, comment="SHA-256 of method, path, body"),
        Column("status", SmallInteger, nullable=False),
        Column("headers", JSONB, nullable=False, comment="{name: value}"),
        Column("body", LargeBinary, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        info=CHAIN_WIDE,
    )
    Index("idempotency_keys_created_at", keys.c.created_at)
    Table(
        "programs",
        metadata,
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("effective_from", BigInteger, nullable=False, comment="judges events from then on"),
        # JSON, not JSONB: a program is read by people, and keeps the order it was written in
        Column("document", JSON, nullable=False),
        Column("author", Text, nullable=False),
        Column("note", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("withdrawn_at", BigInteger, comment="since then it counts as never in force"),
        Column("withdrawn_by", Text),
        Column("withdrawn_note", Text),
        Column("withdrawn_members", BigInteger, comment="who had anything in its time, then"),
        info=CHAIN_WIDE,
    )
