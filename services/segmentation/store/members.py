"""Reading states, clocks and audiences; and waking members when the program changes."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, true

from services.segmentation import tables
from services.segmentation.domain.audience import AUDIENCE, asks_decisions, windows_of
from services.segmentation.domain.features import WINDOWS
from shared.clock import Instant
from shared.conditions import Condition
from shared.conditions.sql import to_sql
from shared.db import Transaction
from shared.kafka.partitioner import MemberKey

# an empty state is one that could not be folded: its member is a dead letter, and not shown
_STATE: Final = """
SELECT state FROM timelines WHERE partition = $1 AND member_id = $2 AND state <> ''
"""

_CLOCKS: Final = """
SELECT partition, max(until) AS until FROM positions WHERE consumer = $1 GROUP BY partition
"""

_WAKE: Final = """
UPDATE timelines SET due_at = $2
 WHERE partition = $1 AND as_at < $2 AND (due_at IS NULL OR due_at > $2)
"""

_CHUNK: Final = 1_000


class Fresh(NamedTuple):
    """What SQL alone can say of an audience: of the members whose stored figures are right."""

    members: int
    matching: int
    sample: list[UUID]


async def state_of(tx: Transaction, member: MemberKey) -> bytes | None:
    """The state of a member as it is stored; None for one never heard of."""
    for row in await tx.fetch(_STATE, *member):
        state: bytes = row["state"]
        return state
    return None


async def clocks(tx: Transaction, consumer: str) -> dict[int, Instant]:
    """How far the clock of each partition stands."""
    return {row["partition"]: row["until"] for row in await tx.fetch(_CLOCKS, consumer)}


async def wake(tx: Transaction, partition: int, at: Instant) -> None:
    """Have every member of a partition looked at when a version of the program takes effect."""
    await tx.execute(_WAKE, partition, at)


async def count_fresh(
    tx: Transaction, condition: Condition, partition: int, now: Instant, sample: int
) -> Fresh:
    """Count an audience among the members of a partition whose stored figures are still right."""
    table = tables.features
    matches = to_sql(condition, _columns(), now=now)
    fresh = and_(table.c.partition == partition, _fresh(condition, now))
    counted = await tx.connection.execute(
        select(func.count(), func.count().filter(matches)).select_from(table).where(fresh)
    )
    members, matching = counted.one()
    sampled = await tx.connection.execute(
        select(table.c.member_id).where(fresh, matches).order_by(table.c.member_id).limit(sample)
    )
    return Fresh(members, matching, list(sampled.scalars()))


async def stale_states(
    tx: Transaction, condition: Condition, partition: int, now: Instant
) -> AsyncIterator[list[tuple[UUID, bytes]]]:
    """The states of the partition's other members, in chunks, by member id."""
    table, timelines = tables.features, tables.metadata.tables["timelines"]
    query = (
        select(table.c.member_id, timelines.c.state)
        .join(
            timelines,
            and_(timelines.c.partition == partition, timelines.c.member_id == table.c.member_id),
        )
        .where(
            table.c.partition == partition,
            timelines.c.state != b"",
            not_(_fresh(condition, now)),
        )
        .order_by(table.c.member_id)
        .limit(_CHUNK)
    )
    last: UUID | None = None
    while True:
        following = query if last is None else query.where(table.c.member_id > last)
        rows = [(row[0], row[1]) for row in await tx.connection.execute(following)]
        if rows:
            yield rows
        if len(rows) < _CHUNK:
            return
        last = rows[-1][0]


def _columns() -> Mapping[str, ColumnElement[Any]]:
    return {feature.name: tables.features.c[feature.name] for feature in AUDIENCE}


def _fresh(condition: Condition, now: Instant) -> ColumnElement[bool]:
    """Whether all that the condition looks at is stored as it is now: true or false, never NULL."""
    columns = [tables.features.c[f"stale_{WINDOWS[i]}d"] for i in windows_of(condition)]
    if asks_decisions(condition):
        columns.append(tables.features.c.due_at)
    return and_(true(), *(or_(column.is_(None), column > now) for column in columns))
