"""What sources published and was not taken: the newest of each source, for its owner to look at."""

from collections.abc import Sequence
from typing import NamedTuple

from services.ingest.store.vault import UnreadableSecret, Vault
from shared.clock import Instant
from shared.db import Transaction

_ADD = """
INSERT INTO rejected_events (source, rejected_at, event_id, type, problem, raw_sealed)
SELECT r.source, r.rejected_at, r.event_id, r.type, r.problem::jsonb, r.raw_sealed
  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[])
       AS r(source, rejected_at, event_id, type, problem, raw_sealed)
"""
_TRIM = """
DELETE FROM rejected_events
 WHERE source = $1
   AND id <= (SELECT id FROM rejected_events WHERE source = $1
               ORDER BY id DESC OFFSET $2 LIMIT 1)
"""
_LIST = """
SELECT id, source, rejected_at, event_id, type, problem::text AS problem, raw_sealed
  FROM rejected_events WHERE source = $1 AND id < $2 ORDER BY id DESC LIMIT $3
"""


class Rejected(NamedTuple):
    """One event that was not taken, and why (a problem document as JSON)."""

    source: str
    rejected_at: Instant
    event_id: str | None
    type: str | None
    problem: str
    raw: bytes
    id: int = 0


async def add_rejected(
    tx: Transaction, vault: Vault, rejected: Sequence[Rejected], kept_max: int
) -> None:
    """Keep rejected events, and of each source only the newest."""
    rows = [
        (
            each.source,
            each.rejected_at,
            each.event_id,
            each.type,
            each.problem,
            vault.seal(each.raw, each.source.encode()),
        )
        for each in rejected
    ]
    await tx.execute(_ADD, *(list(column) for column in zip(*rows, strict=True)))
    for source in {each.source for each in rejected}:
        await tx.execute(_TRIM, source, kept_max)


async def list_rejected(
    tx: Transaction, vault: Vault, source: str, before: int, limit: int
) -> list[Rejected]:
    """Rejected events of a source, the newest first."""
    return [
        Rejected(
            row["source"],
            row["rejected_at"],
            row["event_id"],
            row["type"],
            row["problem"],
            _opened(vault, row["raw_sealed"], source),
            row["id"],
        )
        for row in await tx.fetch(_LIST, source, before, limit)
    ]


def _opened(vault: Vault, sealed: bytes, source: str) -> bytes:
    try:
        return vault.open(sealed, source.encode())
    except UnreadableSecret:
        return b""
