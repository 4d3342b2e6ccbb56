"""The table `deliveries`: the queue between a requested job and the channel that speaks.

A worker claims rows for the time of a lease (`next_at` is pushed on), speaks outside of any
transaction, and then writes what came of it. A worker that dies leaves its rows to the next one
when the lease is over; the job's id, passed on as idempotency key, lets the other side drop what
it had heard already. `attempts` fences: a worker that overslept its lease cannot overwrite
another's result.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from shared.clock import Instant
from shared.db import Transaction

_REQUEST = """
INSERT INTO deliveries AS d (job_id, member_id, revision, channel, template, category, purpose,
       content, program_version, store_id, deadline, state, attempts, next_at, claimed, updated_at)
SELECT u.job_id, u.member_id, u.revision, u.channel, u.template, u.category, u.purpose,
       u.content::json, u.program_version, u.store_id, u.deadline, 'waiting', 0, u.next_at, false,
       $13
  FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[],
              $8::text[], $9::int[], $10::text[], $11::bigint[], $12::bigint[])
       AS u (job_id, member_id, revision, channel, template, category, purpose, content,
             program_version, store_id, deadline, next_at)
    ON CONFLICT (job_id) DO UPDATE SET revision = EXCLUDED.revision, channel = EXCLUDED.channel,
       template = EXCLUDED.template, content = EXCLUDED.content, store_id = EXCLUDED.store_id,
       program_version = EXCLUDED.program_version, deadline = EXCLUDED.deadline,
       state = 'waiting', updated_at = EXCLUDED.updated_at
 WHERE d.state IN ('waiting', 'cancelled') AND d.revision < EXCLUDED.revision
"""

_CANCEL = """
UPDATE deliveries d SET state = 'cancelled', revision = u.revision, updated_at = $3
  FROM unnest($1::uuid[], $2::int[]) AS u (job_id, revision)
 WHERE d.job_id = u.job_id AND d.state = 'waiting' AND d.revision < u.revision
"""

_CANCEL_MEMBERS = """
UPDATE deliveries SET state = 'cancelled', content = '{"language": "", "variables": {}}'::json,
       updated_at = $2
 WHERE member_id = ANY($1::uuid[]) AND state = 'waiting'
"""

_CLAIM = """
UPDATE deliveries d SET attempts = attempts + 1, next_at = $2::bigint + $3::bigint, claimed = true
  FROM (SELECT job_id FROM deliveries
         WHERE channel = ANY($1::text[]) AND state = 'waiting' AND next_at <= $2
         ORDER BY next_at LIMIT $4 FOR UPDATE SKIP LOCKED) AS mine
 WHERE d.job_id = mine.job_id
RETURNING d.job_id, d.member_id, d.channel, d.template, d.category, d.purpose, d.content::text,
          d.program_version, d.store_id, d.deadline, d.attempts
"""

_RECORD = """
UPDATE deliveries d SET state = CASE WHEN d.state = 'cancelled' AND u.state = 'waiting'
                                     THEN 'cancelled' ELSE u.state END,
       next_at = u.next_at, claimed = false, error = u.error, updated_at = $6
  FROM unnest($1::uuid[], $2::int[], $3::text[], $4::bigint[], $5::text[])
       AS u (job_id, attempts, state, next_at, error)
 WHERE d.job_id = u.job_id AND d.attempts = u.attempts AND d.claimed
RETURNING d.job_id
"""

_EXPIRE = """
UPDATE deliveries SET state = 'failed', claimed = false, error = 'past_deadline', updated_at = $1
 WHERE job_id IN (SELECT job_id FROM deliveries
                   WHERE state = 'waiting' AND deadline < $1 AND next_at <= $1
                   ORDER BY deadline LIMIT $2 FOR UPDATE SKIP LOCKED)
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
    """A job that this worker is to speak now."""

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


class Result(NamedTuple):
    """What came of an attempt; `next_at` is when to try again while `state` is waiting."""

    job_id: UUID
    attempts: int
    state: str
    next_at: Instant
    error: str | None


async def request(tx: Transaction, requests: Sequence[Request], now: Instant) -> None:
    """Put jobs into the queue.

    A job that was said, or has failed for good, is not said again; of one that waits or was
    cancelled, a later revision counts.
    """
    await tx.execute(_REQUEST, *(list(column) for column in zip(*requests, strict=True)), now)


async def cancel(tx: Transaction, cancellations: Sequence[Cancellation], now: Instant) -> None:
    """Take jobs out of the queue that were not said yet."""
    await tx.execute(_CANCEL, *(list(column) for column in zip(*cancellations, strict=True)), now)


async def cancel_members(tx: Transaction, members: Sequence[UUID], now: Instant) -> None:
    """Take everything out of the queue that waits for these members."""
    await tx.execute(_CANCEL_MEMBERS, members, now)


async def claim(
    tx: Transaction, channels: Sequence[str], now: Instant, *, lease: Instant, limit: int
) -> list[Claimed]:
    """Take the next jobs of some channels, for the time of the lease."""
    return [Claimed(*row) for row in await tx.fetch(_CLAIM, channels, now, lease, limit)]


async def record(tx: Transaction, results: Sequence[Result], now: Instant) -> set[UUID]:
    """Write what came of attempts; returns the jobs whose attempt was still this worker's."""
    rows = await tx.fetch(_RECORD, *(list(column) for column in zip(*results, strict=True)), now)
    return {row["job_id"] for row in rows}


async def expire(tx: Transaction, now: Instant, limit: int) -> list[tuple[UUID, UUID, str]]:
    """Give up jobs whose deadline has passed while they waited: (job, member, channel)."""
    return [tuple(row) for row in await tx.fetch(_EXPIRE, now, limit)]


async def depth(tx: Transaction) -> dict[str, int]:
    """How many jobs wait, by channel."""
    return {row["channel"]: row["waiting"] for row in await tx.fetch(_DEPTH)}
