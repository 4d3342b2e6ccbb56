"""The table `jobs`: one row for every message that came up in a member's history, said or not."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from services.notify.domain.decision import ReceiptSeen
from services.notify.domain.job import Change, JobRecord, Posted
from services.notify.domain.job_id import as_text
from shared.clock import Instant
from shared.db import Transaction
from shared.kafka.partitioner import MemberKey

RECORD_COLUMNS = JobRecord._fields
DELIVERY_RANKS = {"sent": 1, "failed": 2, "delivered": 3, "opened": 4, "clicked": 5, "replied": 6}
"""Receipts come in any order; the one furthest along counts. What was sent may still fail."""

_AS_TEXT = {"job_id", "because", "content"}
RECORD = ", ".join(f"{name}::text" if name in _AS_TEXT else name for name in RECORD_COLUMNS)
"""The columns of a record as they are read."""

FORGOTTEN = '{"language": "", "variables": {}}'
"""What is left of what a message said."""

_POSTED = f"""
SELECT {RECORD}, revision, superseded_by, delivery FROM jobs
 WHERE partition = $1 AND member_id = ANY($2::uuid[])
"""  # noqa: S608 - the columns are a constant of this module

_POSTED_JOBS = f"""
SELECT {RECORD}, revision, superseded_by, delivery FROM jobs
 WHERE partition = $1 AND (member_id, job_id) IN (SELECT * FROM unnest($2::uuid[], $3::uuid[]))
"""  # noqa: S608 - the columns are a constant of this module

_CHANGE = """
UPDATE jobs j SET due_at = u.due_at, decided_at = u.decided_at, deadline = u.deadline,
       decision = u.decision, reason = u.reason, because = u.because::json,
       content = u.content::json, channel = u.channel, template = u.template,
       category = u.category, purpose = u.purpose, store_id = u.store_id,
       program_version = u.program_version, entry_event_id = u.entry_event_id,
       revision = u.revision, superseded_by = u.superseded_by, recorded_at = $2
  FROM unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
              $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
              $15::text[], $16::text[], $17::int[], $18::text[], $19::int[], $20::text[])
       AS u (member_id, job_id, due_at, decided_at, deadline, decision, reason, because, content,
             channel, template, category, purpose, store_id, program_version, entry_event_id,
             revision, superseded_by)
 WHERE j.partition = $1 AND j.member_id = u.member_id AND j.job_id = u.job_id
"""

_RECEIPTS = """
UPDATE jobs j SET delivery = u.delivery, delivery_rank = u.rank, delivery_at = u.at,
       provider_id = coalesce(u.provider_id, j.provider_id), error = u.error
  FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::smallint[], $6::bigint[],
              $7::text[], $8::text[])
       AS u (partition, member_id, job_id, delivery, rank, at, provider_id, error)
 WHERE j.partition = ANY($1) AND j.partition = u.partition AND j.member_id = u.member_id
   AND j.job_id = u.job_id
   AND u.rank > coalesce(j.delivery_rank, 0) AND j.decision <> 'suppressed'
"""

_FORGET = f"""
UPDATE jobs SET content = '{FORGOTTEN}'::json, store_id = NULL
 WHERE partition = $1 AND member_id = ANY($2::uuid[])
"""  # noqa: S608 - as above

_JOB = f"""
SELECT {RECORD}, revision, superseded_by, recorded_at, delivery, delivery_at, provider_id, error,
       (SELECT d.text_version FROM deliveries d
         WHERE d.partition = jobs.partition AND d.job_id = jobs.job_id) AS text_version
  FROM jobs
"""  # noqa: S608 - the columns are a constant of this module

_SHOWN = """partition = $1 AND member_id = $2
   AND (decision <> 'withdrawn' OR delivery IS NOT NULL OR $3)
   AND ($4::text[] IS NULL OR store_id = ANY($4))"""

_OF_MEMBER = f"""{_JOB} WHERE {_SHOWN}
 ORDER BY decided_at DESC, job_id DESC LIMIT $5
"""
_OF_MEMBER_AFTER = f"""{_JOB} WHERE {_SHOWN} AND (decided_at, job_id) < ($6, $7)
 ORDER BY decided_at DESC, job_id DESC LIMIT $5
"""

_TOTALS = """
SELECT journey, step, decision, reason, delivery, count(*) AS jobs FROM jobs
 GROUP BY journey, step, decision, reason, delivery
"""


class StoredJob(NamedTuple):
    """A row of `jobs`; `text_version`: where we have said it, the version whose words it was."""

    record: JobRecord
    revision: int
    superseded_by: str | None
    recorded_at: Instant
    delivery: str | None
    delivery_at: Instant | None
    provider_id: str | None
    error: str | None
    text_version: int | None


class Total(NamedTuple):
    """How many jobs of a step ended so."""

    journey: str
    step: str
    decision: str
    reason: str | None
    delivery: str | None
    jobs: int


async def insert(
    tx: Transaction, partition: int, records: Iterable[JobRecord], now: Instant
) -> None:
    """Append records of decisions taken for the first time."""
    await tx.copy(
        "jobs",
        ("partition", *RECORD_COLUMNS, "revision", "recorded_at"),
        [(partition, *record, 0, now) for record in records],
    )


async def posted(
    tx: Transaction, partition: int, members: Sequence[UUID]
) -> dict[UUID, dict[str, Posted]]:
    """What was posted about some members, by member and job."""
    found: dict[UUID, dict[str, Posted]] = {member: {} for member in members}
    for each in map(_as_posted, await tx.fetch(_POSTED, partition, members)):
        found[each.record.member_id][each.record.job_id] = each
    return found


async def posted_before(
    tx: Transaction, partition: int, records: Sequence[JobRecord]
) -> dict[str, Posted]:
    """Those of some records that were posted once and taken back since, by job."""
    members, ids = [each.member_id for each in records], [each.job_id for each in records]
    rows = await tx.fetch(_POSTED_JOBS, partition, members, ids)
    return {each.record.job_id: each for each in map(_as_posted, rows)}


def _as_posted(row: Any) -> Posted:
    *columns, revision, superseded_by, delivery = row
    delivered = delivery is not None and delivery != "failed"
    return Posted(JobRecord(*columns), delivered, revision, superseded_by)


async def change(tx: Transaction, partition: int, changes: Sequence[Change], now: Instant) -> None:
    """Overwrite records that were posted before."""
    rows = [
        (
            record.member_id,
            record.job_id,
            record.due_at,
            record.decided_at,
            record.deadline,
            record.decision,
            record.reason,
            record.because,
            record.content,
            record.channel,
            record.template,
            record.category,
            record.purpose,
            record.store_id,
            record.program_version,
            record.entry_event_id,
            each.revision,
            each.cause if each.kind in {"withdrawn", "flagged"} else None,
        )
        for each in changes
        for record in (each.record,)
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    await tx.execute(_CHANGE, partition, now, *columns)


async def take_receipts(
    tx: Transaction, partition: int, receipts: Iterable[tuple[UUID, ReceiptSeen]]
) -> None:
    """Write how far deliveries have come; of several receipts of a job the furthest counts."""
    furthest: dict[tuple[UUID, str], tuple[int, ReceiptSeen]] = {}
    for member, seen in receipts:
        rank = DELIVERY_RANKS.get(seen.status, 0)
        key = (member, as_text(seen.job))
        if rank > furthest.get(key, (0, seen))[0]:
            furthest[key] = (rank, seen)
    if not furthest:
        return
    rows = [
        (partition, member, job, seen.status, rank, seen.at, seen.provider_id, seen.error)
        for (member, job), (rank, seen) in furthest.items()
    ]
    await tx.execute(_RECEIPTS, *(list(column) for column in zip(*rows, strict=True)))


async def forget(tx: Transaction, partition: int, members: Sequence[UUID]) -> None:
    """Blank what messages of erased members said; that there were messages is kept."""
    await tx.execute(_FORGET, partition, members)


class Wanted(NamedTuple):
    """Which of a member's messages: `stores` limits to these (None: all), `after` is a sort key."""

    withdrawn: bool
    stores: list[str] | None
    limit: int
    after: tuple[Instant, UUID] | None


async def of_member(tx: Transaction, member: MemberKey, wanted: Wanted) -> list[StoredJob]:
    """A member's messages and non-messages, newest decision first."""
    which = (*member, wanted.withdrawn, wanted.stores, wanted.limit)
    if wanted.after is None:
        rows = await tx.fetch(_OF_MEMBER, *which)
    else:
        rows = await tx.fetch(_OF_MEMBER_AFTER, *which, *wanted.after)
    return [_stored(row) for row in rows]


async def by_id(tx: Transaction, job: UUID) -> StoredJob | None:
    """One job, in whichever partition it lies."""
    rows = await tx.fetch(f"{_JOB} WHERE job_id = $1", job)
    return _stored(rows[0]) if rows else None


async def members_of(tx: Transaction, job_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Whose jobs these are; unknown ones are left out."""
    rows = await tx.fetch(
        "SELECT job_id, member_id FROM jobs WHERE job_id = ANY($1::uuid[])", job_ids
    )
    return {row["job_id"]: row["member_id"] for row in rows}


async def totals(tx: Transaction) -> list[Total]:
    """How many jobs there are of each step and end."""
    return [Total(*row) for row in await tx.fetch(_TOTALS)]


def _stored(row: Any) -> StoredJob:
    columns = tuple(row)
    width = len(RECORD_COLUMNS)
    return StoredJob(JobRecord(*columns[:width]), *columns[width:])
