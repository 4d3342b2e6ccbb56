"""The table `deliveries`: the queue between a requested job and the channel that speaks.

A worker looks for what is due in all partitions and locks nothing; then it claims, partition by
partition, each in a transaction of its own: `next_at` is pushed on for the time of a lease, where
nobody else has done so in the meantime. It speaks outside of any transaction, and then writes what
came of it. A worker that dies leaves its rows to the next one
when the lease is over; the job's id, passed on as idempotency key, lets the other side drop what
it had heard already. `attempts` fences: a worker that overslept its lease cannot overwrite
another's result.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from shared.clock import Instant
from shared.db import Transaction

_REQUEST = """
INSERT INTO deliveries AS d (partition, job_id, member_id, revision, channel, template, category,
       purpose, content, program_version, store_id, deadline, state, attempts, next_at, claimed,
       updated_at)
SELECT u.partition, u.job_id, u.member_id, u.revision, u.channel, u.template, u.category, u.purpose,
       u.content::json, u.program_version, u.store_id, u.deadline, 'waiting', 0, u.next_at, false,
       $14
  FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::text[],
              $7::text[], $8::text[], $9::text[], $10::int[], $11::text[], $12::bigint[],
              $13::bigint[])
       AS u (partition, job_id, member_id, revision, channel, template, category, purpose, content,
             program_version, store_id, deadline, next_at)
    ON CONFLICT (partition, job_id) DO UPDATE SET revision = EXCLUDED.revision,
       channel = EXCLUDED.channel,
       template = EXCLUDED.template, content = EXCLUDED.content, store_id = EXCLUDED.store_id,
       program_version = EXCLUDED.program_version, deadline = EXCLUDED.deadline,
       state = 'waiting', updated_at = EXCLUDED.updated_at
 WHERE d.state IN ('waiting', 'cancelled') AND d.revision < EXCLUDED.revision
"""

_CANCEL = """
UPDATE deliveries d SET state = 'cancelled', revision = u.revision, updated_at = $4
  FROM unnest($1::smallint[], $2::uuid[], $3::int[]) AS u (partition, job_id, revision)
 WHERE d.partition = ANY($1) AND d.partition = u.partition AND d.job_id = u.job_id
   AND d.state = 'waiting' AND d.revision < u.revision
"""

_CANCEL_MEMBERS = """
UPDATE deliveries SET state = 'cancelled', content = '{"language": "", "variables": {}}'::json,
       updated_at = $3
 WHERE partition = $1 AND member_id = ANY($2::uuid[]) AND state = 'waiting'
"""

_READY = """
SELECT partition, job_id FROM deliveries
 WHERE channel = ANY($1::text[]) AND state = 'waiting' AND next_at <= $2
 ORDER BY next_at LIMIT $3
"""

_CLAIM = """
WITH claimed AS (
  UPDATE deliveries SET attempts = attempts + 1, next_at = $3::bigint + $4::bigint, claimed = true
   WHERE partition = $1 AND job_id = ANY($2::uuid[]) AND state = 'waiting' AND next_at <= $3
  RETURNING partition, job_id, member_id, channel, template, category, purpose, content::text,
            program_version, store_id, deadline, attempts)
SELECT claimed.*, timelines.state AS member_state, jobs.journey, jobs.decided_at
  FROM claimed LEFT JOIN timelines ON timelines.partition = $1
   AND timelines.member_id = claimed.member_id
  LEFT JOIN jobs ON jobs.partition = $1 AND jobs.member_id = claimed.member_id
   AND jobs.job_id = claimed.job_id
"""

_RECORD = """
UPDATE deliveries d SET state = CASE WHEN d.state = 'cancelled' AND u.state = 'waiting'
                                     THEN 'cancelled' ELSE u.state END,
       next_at = u.next_at, claimed = false, error = u.error, text_version = u.text_version,
       updated_at = $2
  FROM unnest($3::uuid[], $4::int[], $5::text[], $6::bigint[], $7::text[], $8::int[])
       AS u (job_id, attempts, state, next_at, error, text_version)
 WHERE d.partition = $1 AND d.job_id = u.job_id AND d.attempts = u.attempts AND d.claimed
RETURNING d.job_id
"""

_OVERDUE = """
SELECT partition, job_id FROM deliveries
 WHERE state = 'waiting' AND deadline < $1 AND next_at <= $1 ORDER BY deadline LIMIT $2
"""

_EXPIRE = """
UPDATE deliveries SET state = 'failed', claimed = false, error = 'past_deadline', updated_at = $3
 WHERE partition = $1 AND job_id = ANY($2::uuid[])
   AND state = 'waiting' AND deadline < $3 AND next_at <= $3
RETURNING job_id, member_id, channel
"""

_DEPTH = """
SELECT channel, count(*) AS waiting FROM deliveries WHERE state = 'waiting' GROUP BY channel
"""


class Request(NamedTuple):
    """A requested job, as it enters the queue; `content` is JSON text."""

    job_id: UUID
    member_id: UUID
    revision: int
    channel: str
    template: str
    category: str
    purpose: str
    content: str
    program_version: int
    store_id: str | None
    deadline: Instant
    not_before: Instant


class Cancellation(NamedTuple):
    """A job that is not to be delivered after all."""

    job_id: UUID
    revision: int


class Claimed(NamedTuple):
    """A job that this worker is to speak now; with the member's state, where there is one.

    `journey` and `decided_at` are of a job of ours.
    """

    partition: int
    job_id: UUID
    member_id: UUID
    channel: str
    template: str
    category: str
    purpose: str
    content: str
    program_version: int
    store_id: str | None
    deadline: Instant
    attempts: int
    member_state: bytes | None
    journey: str | None = None
    decided_at: Instant | None = None


class Result(NamedTuple):
    """What came of an attempt; `next_at` is when to try again while `state` is waiting.

    `text_version`: of what was said, whose words it was.
    """

    job_id: UUID
    attempts: int
    state: str
    next_at: Instant
    error: str | None
    text_version: int | None


async def request(
    tx: Transaction, partition: int, requests: Sequence[Request], now: Instant
) -> None:
    """Put jobs into the queue.

    A job that was said, or has failed for good, is not said again; of one that waits or was
    cancelled, a later revision counts.
    """
    columns = [list(column) for column in zip(*requests, strict=True)]
    await tx.execute(_REQUEST, [partition] * len(requests), *columns, now)


async def cancel(
    tx: Transaction, partition: int, cancellations: Sequence[Cancellation], now: Instant
) -> None:
    """Take jobs out of the queue that were not said yet."""
    columns = [list(column) for column in zip(*cancellations, strict=True)]
    await tx.execute(_CANCEL, [partition] * len(cancellations), *columns, now)


async def cancel_members(
    tx: Transaction, partition: int, members: Sequence[UUID], now: Instant
) -> None:
    """Take everything out of the queue that waits for these members."""
    await tx.execute(_CANCEL_MEMBERS, partition, members, now)


async def ready(
    tx: Transaction, channels: Sequence[str], now: Instant, limit: int
) -> dict[int, list[UUID]]:
    """The next jobs of some channels, by partition; nothing is locked."""
    return _by_partition(await tx.fetch(_READY, channels, now, limit))


async def claim(
    tx: Transaction, partition: int, jobs: Sequence[UUID], now: Instant, *, lease: Instant
) -> list[Claimed]:
    """Take jobs of a partition that still wait, for the time of the lease."""
    return [Claimed(*row) for row in await tx.fetch(_CLAIM, partition, jobs, now, lease)]


async def record(
    tx: Transaction, partition: int, results: Sequence[Result], now: Instant
) -> set[UUID]:
    """Write what came of attempts; returns the jobs whose attempt was still this worker's."""
    columns = [list(column) for column in zip(*results, strict=True)]
    rows = await tx.fetch(_RECORD, partition, now, *columns)
    return {row["job_id"] for row in rows}


async def overdue(tx: Transaction, now: Instant, limit: int) -> dict[int, list[UUID]]:
    """Jobs whose deadline has passed while they waited, by partition; nothing is locked."""
    return _by_partition(await tx.fetch(_OVERDUE, now, limit))


async def expire(
    tx: Transaction, partition: int, jobs: Sequence[UUID], now: Instant
) -> list[tuple[UUID, UUID, str]]:
    """Give up those jobs that are overdue still: (job, member, channel)."""
    return [tuple(row) for row in await tx.fetch(_EXPIRE, partition, jobs, now)]


async def depth(tx: Transaction) -> dict[str, int]:
    """How many jobs wait, by channel."""
    return {row["channel"]: row["waiting"] for row in await tx.fetch(_DEPTH)}


def _by_partition(rows: Iterable[tuple[int, UUID]]) -> dict[int, list[UUID]]:
    jobs: dict[int, list[UUID]] = {}
    for partition, job_id in rows:
        jobs.setdefault(partition, []).append(job_id)
    return jobs
