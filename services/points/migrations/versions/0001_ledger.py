"""The ledger and the runtime's tables"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")

    op.create_table(
        "accounts",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("lifetime", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member_id"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column(
            "headers",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="[[name, base64 of value], …]",
        ),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("member_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False, comment="undecodable | poison | timer"),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="held | replaying | replayed | discarded"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "dead_letters_state", "dead_letters", ["state", "consumer", "partition"], unique=False
    )
    op.create_table(
        "facts",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("event_key", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("supersedes", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "event_key"),
    )
    op.create_table(
        "flows",
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("debit", sa.Text(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("partition", "store_id", "debit", "credit"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.Text(), nullable=False, comment="subject of the token"),
        sa.Column("key", sa.Text(), nullable=False, comment="Idempotency-Key as sent"),
        sa.Column(
            "fingerprint", sa.LargeBinary(), nullable=False, comment="SHA-256 of method, path, body"
        ),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column(
            "headers",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="{name: value}",
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key"),
    )
    op.create_index("idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "lots",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="the id of the transfer that granted it"
        ),
        sa.Column("event_at", sa.BigInteger(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column(
            "expires_on", sa.Date(), nullable=True, comment="the last day; null: no last day"
        ),
        sa.CheckConstraint("remaining BETWEEN 0 AND granted", name="lots_remaining_within"),
        sa.PrimaryKeyConstraint("member_id", "id"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    # packed messages live for seconds: compressing them costs more than any other statement
    op.execute("ALTER TABLE outbox ALTER COLUMN messages SET STORAGE EXTERNAL")
    op.create_table(
        "positions",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="the next offset to handle"),
        sa.Column(
            "until", sa.BigInteger(), nullable=False, comment="how far the partition's clock stands"
        ),
        sa.Column(
            "epoch", sa.BigInteger(), nullable=False, comment="raised by each owner: the fence"
        ),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition"),
    )
    op.create_table(
        "programs",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "effective_from", sa.BigInteger(), nullable=False, comment="judges events from then on"
        ),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "remarks",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("event_at", sa.BigInteger(), nullable=False),
        sa.Column("event_key", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="why an event moved nothing, or less"),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("figures", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "event_at", "event_key", "code"),
    )
    op.create_table(
        "timelines",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("as_at", sa.BigInteger(), nullable=False),
        sa.Column("as_rank", sa.SmallInteger(), nullable=False),
        sa.Column("as_key", sa.LargeBinary(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("member_id"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "timelines_due",
        "timelines",
        ["partition", "due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "transfers",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("event_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="made of member, event, rule and generation"
        ),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "debit",
            sa.Text(),
            nullable=False,
            comment="issued (of the store) or available (member's)",
        ),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="earn | clawback | correction"),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column(
            "event_key", sa.LargeBinary(), nullable=False, comment="identity of source and id"
        ),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("program_version", sa.Integer(), nullable=False),
        sa.Column(
            "explanation",
            sa.LargeBinary(),
            nullable=False,
            comment="the figures that decided, JSON",
        ),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("funder", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column(
            "correction",
            sa.Text(),
            nullable=True,
            comment="id of the event that made a correction necessary",
        ),
        sa.CheckConstraint("debit <> credit", name="transfers_two_accounts"),
        sa.CheckConstraint("points > 0", name="transfers_points_positive"),
        sa.PrimaryKeyConstraint("member_id", "event_at", "id"),
    )


def downgrade() -> None:

    op.drop_table("transfers")
    op.drop_index(
        "timelines_due", table_name="timelines", postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.drop_table("timelines")
    op.drop_table("remarks")
    op.drop_table("programs")
    op.drop_table("positions")
    op.drop_table("outbox")
    op.drop_table("lots")
    op.drop_index("idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("flows")
    op.drop_table("facts")
    op.drop_index("dead_letters_state", table_name="dead_letters")
    op.drop_table("dead_letters")
    op.drop_table("accounts")
