"""Revision 0005 of every service: the Kafka partition becomes the first column of each lane's keys.

The data are kept: a member's rows take the partition of its timeline; a row of somebody who has
none takes the one that the partitioner says. The code before this revision writes by keys that are
no more, so it cannot run beside it: the revision refuses while a process of the service is
connected.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

from shared.kafka.partitioner import partition_of

Keys = Mapping[str, Sequence[str]]
"""By table, the columns of its primary key behind the partition."""

RUNTIME: Final[Keys] = {
    "timelines": ("member_id",),
    "facts": ("member_id", "event_key"),
    "positions": ("consumer", "topic"),
    "outbox": ("id",),
    "dead_letters": ("id",),
}
_HAD_IT: Final = frozenset({"timelines", "positions", "outbox", "dead_letters", "members_features"})

_CONNECTED: Final = """
SELECT string_agg(DISTINCT application_name, ', ') FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
   AND (application_name LIKE 'regulars-%' OR application_name = 'relay')
"""


def put_first(keys: Keys) -> None:
    """Put the partition first in the keys of the runtime's tables and of these.

    Raises:
        CommandError: a process of the service is connected.
    """
    connected = op.get_bind().scalar(sa.text(_CONNECTED))
    if connected:
        raise CommandError(
            f"stop the service's processes first ({connected} are connected): this revision changes"
            " the keys that they write by; then migrate, then start them again"
        )
    op.execute("SET LOCAL lock_timeout = '5s'")
    comment = "partition of the topic; null: the same"
    op.add_column("outbox", sa.Column("target", sa.SmallInteger(), comment=comment))
    for table, key in {**RUNTIME, **keys}.items():
        if table in _HAD_IT:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN partition TYPE smallint")
        else:
            op.add_column(table, sa.Column("partition", sa.SmallInteger()))
            _fill(table)
            op.execute(f"ALTER TABLE {table} ALTER COLUMN partition SET NOT NULL")
        _key(table, ("partition", *key))
    op.execute("COMMENT ON COLUMN outbox.partition IS 'of the lane that writes'")
    op.create_index("outbox_waiting", "outbox", ["id"], postgresql_where=sa.text("lane IS NULL"))
    _hand_over()


def put_back(keys: Keys) -> None:
    """Make the keys what they were before."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("COMMENT ON COLUMN outbox.partition IS NULL")
    for table, key in {**RUNTIME, **keys}.items():
        _key(table, (*key, "partition") if table == "positions" else key)
        if table not in _HAD_IT:
            op.drop_column(table, "partition")
        elif table in ("outbox", "dead_letters"):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN partition TYPE integer")
    op.drop_index("outbox_waiting", "outbox")
    op.execute("UPDATE outbox SET partition = target WHERE target IS NOT NULL")
    op.drop_column("outbox", "target")
    _hand_over()


def _hand_over() -> None:
    """Leave what lanes have not published to the relay: they look for it elsewhere now."""
    op.execute("UPDATE outbox SET lane = NULL WHERE lane IS NOT NULL")


def _key(table: str, columns: Sequence[str]) -> None:
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    op.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({', '.join(columns)})")


def _fill(table: str) -> None:
    """Say of each row which partition its member belongs to."""
    op.execute(
        f"UPDATE {table} SET partition = t.partition FROM timelines t"  # noqa: S608 - our tables
        f" WHERE t.member_id = {table}.member_id"
    )
    connection = op.get_bind()
    strangers = connection.scalars(
        sa.text(f"SELECT DISTINCT member_id FROM {table} WHERE partition IS NULL")  # noqa: S608
    ).all()
    if not strangers:
        return
    # each lane has a position from its first start on
    partitions = connection.scalar(sa.text("SELECT max(partition) + 1 FROM positions")) or 1
    connection.execute(
        sa.text(f"UPDATE {table} SET partition = :partition WHERE member_id = :member"),  # noqa: S608
        [
            {"partition": partition_of(str(member).encode(), partitions), "member": member}
            for member in strangers
        ],
    )
