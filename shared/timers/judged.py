"""Who has anything in the time of a withdrawn version, and how far each lane has come with them."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from shared.clock import Instant
from shared.db import Transaction

LOOKED_AT_ONCE: Final = 2_000
NOBODY: Final = UUID(int=0)


class Time(NamedTuple):
    """Whose members are meant: those who were folded to `reached` or beyond.

    And of those, whoever has a fact from `since` on and before `until`.
    """

    reached: Instant
    since: Instant
    until: Instant


class Progress(NamedTuple):
    """How far a lane has come with a version: all members up to `after`, or everybody."""

    after: UUID
    done: bool


_HAS_FACTS = """
EXISTS (SELECT FROM facts f WHERE f.partition = t.partition AND f.member_id = t.member_id
           AND f.at >= $2 AND f.at < $3)
"""

_COUNT = f"SELECT count(*) AS members FROM timelines t WHERE t.as_at >= $1 AND {_HAS_FACTS}"  # noqa: S608 - our own text

_SAMPLE = f"""
SELECT t.partition, t.member_id FROM timelines t WHERE t.as_at >= $1 AND {_HAS_FACTS}
 ORDER BY t.partition, t.member_id LIMIT $4
"""  # noqa: S608 - our own text

_AMONG = f"""
SELECT t.member_id FROM timelines t
 WHERE t.partition = $4 AND t.member_id = ANY($5::uuid[]) AND t.member_id > $6
   AND t.as_at >= $1 AND {_HAS_FACTS}
"""  # noqa: S608 - our own text

_LOOK = f"""
SELECT t.member_id, t.as_at >= $1 AND {_HAS_FACTS} AS has_any
  FROM (SELECT partition, member_id, as_at FROM timelines
         WHERE partition = $4 AND member_id > $5 ORDER BY member_id LIMIT $6) AS t
 ORDER BY t.member_id
"""  # noqa: S608 - our own text

_PROGRESS = "SELECT version, after, done_at FROM judged_anew WHERE partition = $1"

_MOVE = """
INSERT INTO judged_anew AS j (partition, version, after, members, done_at)
VALUES ($1::smallint, $2, $3, $4, $5)
    ON CONFLICT (partition, version) DO UPDATE
   SET after = EXCLUDED.after, members = j.members + EXCLUDED.members, done_at = EXCLUDED.done_at
"""

_TOTAL = """
SELECT coalesce(sum(members), 0) AS members, count(done_at) AS done
  FROM judged_anew WHERE version = $1
"""


async def count(tx: Transaction, time: Time) -> int:
    """How many members of all partitions have anything in a time."""
    return int((await tx.fetch(_COUNT, *time))[0]["members"])


async def sample(tx: Transaction, time: Time, limit: int) -> list[tuple[int, UUID]]:
    """Some of them, with their partitions, in order of both."""
    return [tuple(row) for row in await tx.fetch(_SAMPLE, *time, limit)]


async def among(
    tx: Transaction, partition: int, time: Time, members: Sequence[UUID], after: UUID
) -> list[UUID]:
    """Which of some members of a partition have anything in a time, of those behind `after`."""
    rows = await tx.fetch(_AMONG, *time, partition, members, after)
    return [row["member_id"] for row in rows]


async def look(tx: Transaction, partition: int, time: Time, after: UUID) -> list[tuple[UUID, bool]]:
    """The members of a partition behind `after`, and whether they have anything in a time.

    No more than `LOOKED_AT_ONCE`, in order of their ids: so many rows are read, whoever has any.
    """
    rows = await tx.fetch(_LOOK, *time, partition, after, LOOKED_AT_ONCE)
    return [(member_id, has_any) for member_id, has_any in rows]


async def progress(tx: Transaction, partition: int) -> dict[int, Progress]:
    """How far a partition has come with each version that it has begun with."""
    rows = await tx.fetch(_PROGRESS, partition)
    return {version: Progress(after, done is not None) for version, after, done in rows}


async def move(
    tx: Transaction, partition: int, version: int, after: UUID, members: int, done: Instant | None
) -> None:
    """Note that the members of a partition up to `after` are judged anew, so many more."""
    await tx.execute(_MOVE, partition, version, after, members, done)


async def total(tx: Transaction, version: int) -> tuple[int, int]:
    """Over all partitions: how many members were judged anew, and how many partitions are done."""
    [row] = await tx.fetch(_TOTAL, version)
    return int(row["members"]), int(row["done"])
