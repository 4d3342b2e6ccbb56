"""Segmentation and the runtime's tables"""

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
        "changes",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="tags | tier"),
        sa.Column(
            "generation", sa.Integer(), nullable=False, comment="raised each time it is corrected"
        ),
        sa.Column(
            "id", sa.Uuid(), nullable=False, comment="the id of the event that was published"
        ),
        sa.Column(
            "cause",
            sa.Text(),
            nullable=True,
            comment="id of the event that led here; null: only time passed",
        ),
        sa.Column("added", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("removed", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("now", sa.Text(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("because", sa.Text(), nullable=False, comment="the reasons, JSON"),
        sa.Column(
            "correction",
            sa.Text(),
            nullable=True,
            comment="id of the event that made it be decided again",
        ),
        sa.Column("supersedes", sa.Uuid(), nullable=True),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "at", "kind", "generation"),
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
        "member_tags",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="rule (later also staff, member, model)"
        ),
        sa.Column("because", sa.Text(), nullable=False, comment="the reasons, JSON"),
        sa.PrimaryKeyConstraint("member_id", "tag"),
    )
    op.create_table(
        "member_tiers",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column(
            "until",
            sa.BigInteger(),
            nullable=True,
            comment="end of the period; null: the lowest level has none",
        ),
        sa.Column(
            "grace_until",
            sa.BigInteger(),
            nullable=True,
            comment="end of the grace, once it has begun",
        ),
        sa.Column("because", sa.Text(), nullable=False, comment="the reasons, JSON"),
        sa.PrimaryKeyConstraint("member_id"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "members_features",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False, comment="the instant of the values"),
        sa.Column(
            "due_at",
            sa.BigInteger(),
            nullable=True,
            comment="when tags or tier change with no further event",
        ),
        sa.Column(
            "stale_7d",
            sa.BigInteger(),
            nullable=True,
            comment="when what the last 7 days count changes",
        ),
        sa.Column(
            "stale_30d",
            sa.BigInteger(),
            nullable=True,
            comment="when what the last 30 days count changes",
        ),
        sa.Column(
            "stale_90d",
            sa.BigInteger(),
            nullable=True,
            comment="when what the last 90 days count changes",
        ),
        sa.Column(
            "stale_180d",
            sa.BigInteger(),
            nullable=True,
            comment="when what the last 180 days count changes",
        ),
        sa.Column(
            "stale_365d",
            sa.BigInteger(),
            nullable=True,
            comment="when what the last 365 days count changes",
        ),
        sa.Column("orders", sa.BigInteger(), nullable=True),
        sa.Column("spend", sa.BigInteger(), nullable=True),
        sa.Column("refunds", sa.BigInteger(), nullable=True),
        sa.Column("first_order_at", sa.BigInteger(), nullable=True),
        sa.Column("last_order_at", sa.BigInteger(), nullable=True),
        sa.Column("comeback_at", sa.BigInteger(), nullable=True),
        sa.Column("recent_average_order", sa.BigInteger(), nullable=True),
        sa.Column("home_store", sa.Text(), nullable=True),
        sa.Column("categories", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("category_orders", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("category_spend", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("interactions", sa.BigInteger(), nullable=True),
        sa.Column("interactions_by_kind", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("last_interaction_at", sa.BigInteger(), nullable=True),
        sa.Column("joined_at", sa.BigInteger(), nullable=True),
        sa.Column("join_store", sa.Text(), nullable=True),
        sa.Column("birthday_month", sa.BigInteger(), nullable=True),
        sa.Column("gender", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("interests", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("communities", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("orders_7d", sa.BigInteger(), nullable=True),
        sa.Column("spend_7d", sa.BigInteger(), nullable=True),
        sa.Column("interactions_7d", sa.BigInteger(), nullable=True),
        sa.Column("orders_30d", sa.BigInteger(), nullable=True),
        sa.Column("spend_30d", sa.BigInteger(), nullable=True),
        sa.Column("interactions_30d", sa.BigInteger(), nullable=True),
        sa.Column("orders_90d", sa.BigInteger(), nullable=True),
        sa.Column("spend_90d", sa.BigInteger(), nullable=True),
        sa.Column("interactions_90d", sa.BigInteger(), nullable=True),
        sa.Column("orders_180d", sa.BigInteger(), nullable=True),
        sa.Column("spend_180d", sa.BigInteger(), nullable=True),
        sa.Column("interactions_180d", sa.BigInteger(), nullable=True),
        sa.Column("orders_365d", sa.BigInteger(), nullable=True),
        sa.Column("spend_365d", sa.BigInteger(), nullable=True),
        sa.Column("interactions_365d", sa.BigInteger(), nullable=True),
        sa.Column("tags", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("tier_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("member_id"),
        postgresql_with={"fillfactor": 70},
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


def downgrade() -> None:
    op.drop_index(
        "timelines_due", table_name="timelines", postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.drop_table("timelines")
    op.drop_table("programs")
    op.drop_table("positions")
    op.drop_table("outbox")
    op.drop_table("members_features")
    op.drop_table("member_tiers")
    op.drop_table("member_tags")
    op.drop_index("idempotency_keys_created_at", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("facts")
    op.drop_index("dead_letters_state", table_name="dead_letters")
    op.drop_table("dead_letters")
    op.drop_table("changes")
