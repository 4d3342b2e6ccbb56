"""Commands in the database, always in sets; every statement of a lane names its partition."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from shared.clock import Instant
from shared.db import Transaction

CHANNEL = "regulars_commands"
_PAYLOAD_BYTES_MAX = 7_000  # PostgreSQL takes 8,000


class Row(NamedTuple):
    """A row of `commands` without its partition; see its table."""

    id: UUID
    member_id: UUID
    asked: bytes | None
    verdict: str | None
    at: Instant


class Decided(NamedTuple):
    """What was decided: the verdict's data as JSON, and when."""

    at: Instant
    verdict: str


class Known(NamedTuple):
    """A command that its lane has read; `decided` None: not decided yet."""

    member_id: UUID
    decided: Decided | None


_FIND = """
SELECT id, verdict IS NOT NULL AS decided FROM commands
 WHERE partition = $1 AND id = ANY($2::uuid[])
"""

_UNDECIDED = """
SELECT asked FROM commands WHERE partition = $1 AND verdict IS NULL ORDER BY at, id
"""

# Whoever waits is told at commit. RETURNING, for a plain SELECT is not run as a part of a WITH.
_PUT = f"""
INSERT INTO commands AS c (partition, id, member_id, asked, verdict, at)
SELECT u.partition, u.id, u.member_id, u.asked, u.verdict, u.at
  FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::bytea[], $5::text[], $6::bigint[])
       AS u (partition, id, member_id, asked, verdict, at)
    ON CONFLICT (partition, id) DO UPDATE SET asked = NULL, verdict = EXCLUDED.verdict,
       at = EXCLUDED.at WHERE c.verdict IS NULL AND EXCLUDED.verdict IS NOT NULL
RETURNING CASE WHEN c.verdict IS NOT NULL THEN pg_notify('{CHANNEL}', concat_ws(' ', c.id,
       CASE WHEN octet_length(c.verdict) < {_PAYLOAD_BYTES_MAX} THEN c.at END,
       CASE WHEN octet_length(c.verdict) < {_PAYLOAD_BYTES_MAX} THEN c.verdict END)) END
"""  # noqa: S608 - constants of this module

_LOOK = """
SELECT c.id, c.at, c.member_id, c.verdict
  FROM generate_series(0, $1::int - 1) AS lane, unnest($2::uuid[]) AS asked (id)
  JOIN commands c ON c.id = asked.id
 WHERE c.partition = lane
"""


async def find(tx: Transaction, partition: int, ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Which of these commands of a partition are known, and whether each is decided."""
    return {row["id"]: row["decided"] for row in await tx.fetch(_FIND, partition, ids)}


async def undecided(tx: Transaction, partition: int) -> list[bytes]:
    """The events of a partition's commands that wait for their decision, in order of arrival."""
    return [row["asked"] for row in await tx.fetch(_UNDECIDED, partition)]


async def put(tx: Transaction, partition: int, rows: Sequence[Row]) -> None:
    """Write commands, each at most once in `rows`; what is decided already stays as it is."""
    if rows:
        ids, members, asked, verdicts, ats = zip(*rows, strict=True)
        await tx.execute(_PUT, [partition] * len(rows), ids, members, asked, verdicts, ats)


async def look(tx: Transaction, partitions: int, ids: Sequence[UUID]) -> dict[UUID, Known]:
    """What is known of commands: an id is one in all partitions, whomever it is about."""
    return {
        row["id"]: Known(
            row["member_id"],
            None if row["verdict"] is None else Decided(row["at"], row["verdict"]),
        )
        for row in await tx.fetch(_LOOK, partitions, ids)
    }
