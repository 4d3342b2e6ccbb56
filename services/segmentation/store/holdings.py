"""`member_tags` and `member_tiers`: what members hold now, since when and why."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from services.segmentation.store.decisions import because_of, because_text
from shared.clock import Instant
from shared.db import Transaction
from shared.events.decisions import Because
from shared.kafka.partitioner import MemberKey


class TagRow(NamedTuple):
    """A tag that a member has."""

    member_id: UUID
    tag: str
    since: Instant
    because: Because


class TierRow(NamedTuple):
    """The tier that a member has; without reasons, those stored stay."""

    member_id: UUID
    tier: str
    level: int
    since: Instant
    until: Instant | None
    grace_until: Instant | None
    because: tuple[Because, ...] | None


_GIVE: Final = """
INSERT INTO member_tags (partition, member_id, tag, since, source, because)
SELECT u.partition, u.member_id, u.tag, u.since, 'rule', u.because
  FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::bigint[], $5::text[])
       AS u (partition, member_id, tag, since, because)
    ON CONFLICT (partition, member_id, tag) DO UPDATE SET since = EXCLUDED.since,
       source = EXCLUDED.source, because = EXCLUDED.because
"""

_TAKE: Final = """
DELETE FROM member_tags t
 USING unnest($1::smallint[], $2::uuid[], $3::text[]) AS u (partition, member_id, tag)
 WHERE t.partition = ANY($1) AND t.partition = u.partition AND t.member_id = u.member_id
   AND t.tag = u.tag
"""

_TAKE_ALL: Final = """
DELETE FROM member_tags WHERE partition = $1 AND member_id = ANY($2::uuid[])
"""

_TIERS: Final = """
INSERT INTO member_tiers AS t
       (partition, member_id, tier, level, since, until, grace_until, because)
SELECT u.partition, u.member_id, u.tier, u.level, u.since, u.until, u.grace_until,
       coalesce(u.because, '[]')
  FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::smallint[], $5::bigint[], $6::bigint[],
              $7::bigint[], $8::text[])
       AS u (partition, member_id, tier, level, since, until, grace_until, because)
    ON CONFLICT (partition, member_id) DO UPDATE SET tier = EXCLUDED.tier, level = EXCLUDED.level,
       since = EXCLUDED.since, until = EXCLUDED.until, grace_until = EXCLUDED.grace_until,
       because = CASE WHEN EXCLUDED.because = '[]' THEN t.because ELSE EXCLUDED.because END
"""

_REASONS: Final = """
SELECT tag, since, because FROM member_tags WHERE partition = $1 AND member_id = $2
"""

_TIER_REASONS: Final = "SELECT because FROM member_tiers WHERE partition = $1 AND member_id = $2"


async def give(tx: Transaction, partition: int, rows: Sequence[TagRow]) -> None:
    """Write tags that members have, new or with another reason."""
    if rows:
        await tx.execute(
            _GIVE,
            [partition] * len(rows),
            [row.member_id for row in rows],
            [row.tag for row in rows],
            [row.since for row in rows],
            [because_text((row.because,)) for row in rows],
        )


async def take(tx: Transaction, partition: int, rows: Sequence[tuple[UUID, str]]) -> None:
    """Remove tags that members have no more."""
    if rows:
        lanes = [partition] * len(rows)
        await tx.execute(_TAKE, lanes, [member for member, _ in rows], [tag for _, tag in rows])


async def take_all(tx: Transaction, partition: int, members: Sequence[UUID]) -> None:
    """Remove every tag of some members."""
    if members:
        await tx.execute(_TAKE_ALL, partition, members)


async def put_tiers(tx: Transaction, partition: int, rows: Sequence[TierRow]) -> None:
    """Write the tiers of some members."""
    if rows:
        await tx.execute(
            _TIERS,
            [partition] * len(rows),
            [row.member_id for row in rows],
            [row.tier for row in rows],
            [row.level for row in rows],
            [row.since for row in rows],
            [row.until for row in rows],
            [row.grace_until for row in rows],
            [None if row.because is None else because_text(row.because) for row in rows],
        )


async def tags_of(
    tx: Transaction, member: MemberKey
) -> dict[str, tuple[Instant, tuple[Because, ...]]]:
    """The tags of a member, each with since and why."""
    rows = await tx.fetch(_REASONS, *member)
    return {row["tag"]: (row["since"], because_of(row["because"])) for row in rows}


async def tier_reasons(tx: Transaction, member: MemberKey) -> tuple[Because, ...]:
    """Why a member has the tier."""
    rows = await tx.fetch(_TIER_REASONS, *member)
    return because_of(rows[0]["because"]) if rows else ()


async def count_tiers(tx: Transaction) -> dict[str, int]:
    """Members by tier."""
    rows = await tx.fetch("SELECT tier, count(*) AS members FROM member_tiers GROUP BY tier")
    return {row["tier"]: row["members"] for row in rows}


async def count_tags(tx: Transaction) -> dict[str, int]:
    """Members by tag."""
    rows = await tx.fetch(
        "SELECT tag, count(*) AS members FROM member_tags GROUP BY tag ORDER BY 2 DESC, 1"
    )
    return {row["tag"]: row["members"] for row in rows}
