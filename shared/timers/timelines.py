"""Loading, saving and claiming timelines, always in sets."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from shared.clock import Instant
from shared.db import Transaction


class Order(NamedTuple):
    """Where something stands in a member's history: by time, rank, then the event's identity."""

    at: Instant
    rank: int
    key: bytes


class StoredTimeline(NamedTuple):
    """A row of `timelines`."""

    as_of: Order
    due_at: Instant | None
    state: bytes


class StoredFact(NamedTuple):
    """A row of `facts`, without its member."""

    order: Order
    supersedes: bytes | None
    body: bytes


_LOAD = """
SELECT member_id, NULL::bytea AS event_key, as_at, as_rank, as_key, due_at, state
  FROM timelines WHERE partition = $1 AND member_id = ANY($2::uuid[])
UNION ALL
SELECT f.member_id, f.event_key, NULL, NULL, NULL, NULL, NULL
  FROM unnest($3::uuid[], $4::bytea[]) AS asked (member_id, event_key)
  JOIN facts f ON f.partition = $1 AND f.member_id = asked.member_id
   AND f.event_key = asked.event_key
"""

_HISTORY = """
SELECT member_id, event_key, at, rank, supersedes, body FROM facts
 WHERE partition = $1 AND member_id = ANY($2::uuid[])
"""

_SAVE = """
INSERT INTO timelines AS t (partition, member_id, as_at, as_rank, as_key, due_at, state)
SELECT u.partition, u.member_id, u.as_at, u.as_rank, u.as_key, u.due_at, u.state
  FROM unnest($1::smallint[], $2::uuid[], $3::bigint[], $4::smallint[], $5::bytea[], $6::bigint[],
              $7::bytea[])
       AS u (partition, member_id, as_at, as_rank, as_key, due_at, state)
    ON CONFLICT (partition, member_id) DO UPDATE SET as_at = EXCLUDED.as_at,
       as_rank = EXCLUDED.as_rank, as_key = EXCLUDED.as_key, due_at = EXCLUDED.due_at,
       state = EXCLUDED.state
"""

_DUE = """
SELECT member_id, due_at FROM timelines
 WHERE partition = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3
"""

_NEXT_DUE = (
    "SELECT min(due_at) AS due_at FROM timelines WHERE partition = $1 AND due_at IS NOT NULL"
)

_PUT_DUE = "UPDATE timelines SET due_at = $3 WHERE partition = $1 AND member_id = $2"


async def load(
    tx: Transaction,
    partition: int,
    members: Sequence[UUID],
    events: Sequence[tuple[UUID, bytes]],
) -> tuple[dict[UUID, StoredTimeline], set[tuple[UUID, bytes]]]:
    """Load what a batch needs, in one statement.

    Args:
        tx: the batch's transaction.
        partition: the lane's, and so that of the members.
        members: whose timelines to load.
        events: (member, event key) of the batch's events.

    Returns:
        The timelines of the members that have one, and those of the events already folded.
    """
    rows = await tx.fetch(
        _LOAD, partition, members, [member for member, _ in events], [key for _, key in events]
    )
    timelines: dict[UUID, StoredTimeline] = {}
    known: set[tuple[UUID, bytes]] = set()
    for member_id, event_key, as_at, as_rank, as_key, due_at, state in rows:
        if event_key is None:
            timelines[member_id] = StoredTimeline(Order(as_at, as_rank, as_key), due_at, state)
        else:
            known.add((member_id, event_key))
    return timelines, known


async def history(
    tx: Transaction, partition: int, members: Sequence[UUID]
) -> dict[UUID, list[StoredFact]]:
    """Load all facts of some members of a partition, in no particular order."""
    facts: dict[UUID, list[StoredFact]] = {member: [] for member in members}
    rows = await tx.fetch(_HISTORY, partition, members)
    for member_id, event_key, at, rank, supersedes, body in rows:
        facts[member_id].append(StoredFact(Order(at, rank, event_key), supersedes, body))
    return facts


async def save(
    tx: Transaction, partition: int, rows: Sequence[tuple[UUID, StoredTimeline]]
) -> None:
    """Write timelines, new or known, in one statement."""
    await tx.execute(
        _SAVE,
        [partition] * len(rows),
        [member for member, _ in rows],
        [row.as_of.at for _, row in rows],
        [row.as_of.rank for _, row in rows],
        [row.as_of.key for _, row in rows],
        [row.due_at for _, row in rows],
        [row.state for _, row in rows],
    )


async def remember(
    tx: Transaction, partition: int, rows: Iterable[tuple[UUID, StoredFact]]
) -> None:
    """Append facts."""
    await tx.copy(
        "facts",
        ("partition", "member_id", "event_key", "at", "rank", "supersedes", "body"),
        [
            (partition, member, order.key, order.at, order.rank, supersedes, body)
            for member, (order, supersedes, body) in rows
        ],
    )


async def due(
    tx: Transaction, partition: int, until: Instant, limit: int
) -> list[tuple[UUID, Instant]]:
    """The members of a partition whose next timer is due, soonest first.

    They are not locked: only the lane writes them, and its position is its lock.
    """
    return [
        (member_id, due_at) for member_id, due_at in await tx.fetch(_DUE, partition, until, limit)
    ]


async def next_due(tx: Transaction, partition: int) -> Instant | None:
    """When the next timer of a partition is due."""
    rows = await tx.fetch(_NEXT_DUE, partition)
    due_at: Instant | None = rows[0]["due_at"]
    return due_at


async def park(tx: Transaction, partition: int, member: UUID) -> None:
    """Take a member out of the due queue: its timer fails, and is a dead letter now."""
    await tx.execute(_PUT_DUE, partition, member, None)


async def unpark(tx: Transaction, partition: int, member: UUID, due_at: Instant) -> None:
    """Put a member back into the due queue."""
    await tx.execute(_PUT_DUE, partition, member, due_at)
