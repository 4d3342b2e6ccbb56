"""`changes`: every decision that was published, with why, for ever."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from services.segmentation.domain.changes import Decision
from shared.clock import Instant
from shared.db import Transaction
from shared.events.decisions import Because
from shared.kafka.partitioner import MemberKey

_COLUMNS: Final = (
    "partition",
    "member_id",
    "at",
    "kind",
    "generation",
    "id",
    "cause",
    "added",
    "removed",
    "before",
    "now",
    "until",
    "because",
    "correction",
    "supersedes",
    "superseded",
    "recorded_at",
)
_NAMES: Final = ", ".join(_COLUMNS)

_POSTED: Final = f"""
SELECT {_NAMES} FROM changes WHERE partition = $1 AND member_id = ANY($2::uuid[])
"""  # noqa: S608 - column names of our own

_SUPERSEDE: Final = """
UPDATE changes c SET superseded = true
  FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::int[])
       AS u (member_id, at, kind, generation)
 WHERE c.partition = $1 AND c.member_id = u.member_id AND c.at = u.at AND c.kind = u.kind
   AND c.generation = u.generation
"""

_MEND: Final = """
UPDATE changes c SET because = u.because, cause = u.cause
  FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::int[], $6::text[], $7::text[])
       AS u (member_id, at, kind, generation, because, cause)
 WHERE c.partition = $1 AND c.member_id = u.member_id AND c.at = u.at AND c.kind = u.kind
   AND c.generation = u.generation
"""

_PAGE: Final = f"""
SELECT {_NAMES} FROM changes
 WHERE partition = $1 AND member_id = $2
   AND (at, kind, generation) < ($3::bigint, $4::text, $5::int)
 ORDER BY at DESC, kind DESC, generation DESC LIMIT $6
"""  # noqa: S608 - column names of our own

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[Because, ...]).decode


class Posted(NamedTuple):
    """A decision with its row's own figures."""

    decision: Decision
    recorded_at: Instant


async def append(
    tx: Transaction,
    partition: int,
    decisions: Iterable[tuple[UUID, Decision]],
    recorded_at: Instant,
) -> None:
    """Write new decisions."""
    rows = [
        (
            partition,
            member,
            each.at,
            each.kind,
            each.generation,
            each.id,
            each.cause,
            each.added if each.kind == "tags" else None,
            each.removed if each.kind == "tags" else None,
            each.before,
            each.now,
            each.until,
            because_text(each.because),
            each.correction,
            each.supersedes,
            False,
            recorded_at,
        )
        for member, each in decisions
    ]
    if rows:
        await tx.copy("changes", _COLUMNS, rows)


async def supersede(tx: Transaction, partition: int, rows: Sequence[tuple[UUID, Decision]]) -> None:
    """Mark decisions that were replaced."""
    if rows:
        await tx.execute(_SUPERSEDE, partition, *_keys(rows))


async def mend(tx: Transaction, partition: int, rows: Sequence[tuple[UUID, Decision]]) -> None:
    """Put other reasons to decisions that stand."""
    if rows:
        reasons = [because_text(each.because) for _, each in rows]
        causes = [each.cause for _, each in rows]
        await tx.execute(_MEND, partition, *_keys(rows), reasons, causes)


async def posted_of(
    tx: Transaction, partition: int, members: Sequence[UUID]
) -> dict[UUID, list[Decision]]:
    """Everything that was decided about some members."""
    found: dict[UUID, list[Decision]] = {member: [] for member in members}
    for row in await tx.fetch(_POSTED, partition, members):
        found[row["member_id"]].append(decision_of(row))
    return found


async def page_of(
    tx: Transaction, member: MemberKey, after: tuple[Instant, str, int] | None, limit: int
) -> list[Posted]:
    """What was decided about a member, newest first."""
    at, kind, generation = after or (2**62, "", 0)
    rows = await tx.fetch(_PAGE, *member, at, kind, generation, limit)
    return [Posted(decision_of(row), row["recorded_at"]) for row in rows]


def because_text(because: Sequence[Because]) -> str:
    """Reasons as JSON."""
    return _encode(because).decode()


def because_of(text: str) -> tuple[Because, ...]:
    """Reasons from JSON."""
    return _decode(text)


def _keys(rows: Sequence[tuple[UUID, Decision]]) -> tuple[list[Any], ...]:
    return (
        [member for member, _ in rows],
        [each.at for _, each in rows],
        [each.kind for _, each in rows],
        [each.generation for _, each in rows],
    )


def decision_of(row: Any) -> Decision:
    """A decision from a row of `changes`."""
    return Decision(
        id=row["id"],
        kind=row["kind"],
        at=row["at"],
        generation=row["generation"],
        cause=row["cause"],
        added=tuple(row["added"] or ()),
        removed=tuple(row["removed"] or ()),
        before=row["before"],
        now=row["now"],
        until=row["until"],
        because=_decode(row["because"]),
        correction=row["correction"],
        supersedes=row["supersedes"],
        superseded=row["superseded"],
    )
