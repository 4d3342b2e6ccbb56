"""The order index: whose each order of the last 400 days is, and what was said of it besides.

`order_index` has one small row an order; `order_notes` keeps refunds, reversals and changes, and
baskets without a name, as they stand on the log; `receipt_codes` are those by which baskets
are claimed. Rows are locked in the order of their names, whichever lane asks.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from services.ingest.domain.whose import Known, Receipt, Sale, instant, seconds
from shared.clock import Instant
from shared.db import Transaction

_ADD = """
INSERT INTO order_index (order_name, member_id, digest, at, recorded_at, reused, moves)
SELECT u.order_name, u.member_id, u.digest, u.at, u.recorded_at, false, 0
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::int[], $5::int[])
       AS u (order_name, member_id, digest, at, recorded_at)
 ORDER BY u.order_name
    ON CONFLICT (order_name) DO NOTHING
RETURNING order_name
"""
_LOCK = """
SELECT order_name, member_id, digest, at, recorded_at, reused, moves FROM order_index
 WHERE order_name = ANY($1::uuid[]) ORDER BY order_name FOR UPDATE
"""
_CHANGE = """
UPDATE order_index o SET member_id = u.member_id, digest = u.digest, at = u.at,
       recorded_at = u.recorded_at, reused = u.reused, moves = u.moves
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::int[], $5::int[], $6::boolean[],
              $7::smallint[])
       AS u (order_name, member_id, digest, at, recorded_at, reused, moves)
 WHERE o.order_name = u.order_name
"""
_BY_NUMBER = """
SELECT asked.place, o.order_name, o.member_id
  FROM unnest($1::int[], $2::uuid[], $3::uuid[]) AS asked (place, first, last)
  JOIN order_index o ON o.order_name BETWEEN asked.first AND asked.last
 LIMIT 10000
"""
_NOTE = """
INSERT INTO order_notes (order_name, event_key, is_basket, member_id, at, recorded_at, event)
SELECT u.order_name, u.event_key, u.is_basket, u.member_id, u.at, u.recorded_at, u.event
  FROM unnest($1::uuid[], $2::bytea[], $3::boolean[], $4::uuid[], $5::bigint[], $6::int[],
              $7::bytea[])
       AS u (order_name, event_key, is_basket, member_id, at, recorded_at, event)
    ON CONFLICT (order_name, event_key) DO NOTHING
"""
_NOTES = """
SELECT order_name, event_key, is_basket, member_id, at, event FROM order_notes
 WHERE order_name = ANY($1::uuid[]) ORDER BY at, event_key
"""
_RECEIPT = """
INSERT INTO receipt_codes AS r (code_name, order_name, member_id, recorded_at)
SELECT u.code_name, u.order_name, u.member_id, u.recorded_at
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[])
       AS u (code_name, order_name, member_id, recorded_at)
 ORDER BY u.code_name
    ON CONFLICT (code_name) DO UPDATE
       SET order_name = coalesce(r.order_name, EXCLUDED.order_name),
           member_id = coalesce(r.member_id, EXCLUDED.member_id)
RETURNING code_name, order_name, member_id
"""
_FORGET = """
DELETE FROM {table} WHERE ctid IN (
  SELECT ctid FROM {table} WHERE recorded_at < $1 LIMIT $2)
"""

TABLES = ("order_index", "order_notes", "receipt_codes")


class Note(NamedTuple):
    """What was said of an order besides who bought it; or a basket without a name.

    `member` is whom it was said of, `event` the event as it stands on the log.
    """

    name: UUID
    key: bytes
    is_basket: bool
    member: UUID | None
    at: Instant
    event: bytes


async def add(tx: Transaction, sales: Sequence[Sale]) -> set[UUID]:
    """Enter orders that are not in the index; returns the names of those that were not."""
    rows = [(s.name, s.member, s.digest, seconds(s.at), seconds(s.recorded_at)) for s in sales]
    return {row["order_name"] for row in await tx.fetch(_ADD, *_columns(rows))}


async def lock(tx: Transaction, names: Iterable[UUID]) -> dict[UUID, Known]:
    """What is known of orders; nobody else changes them until this transaction ends."""
    rows = await tx.fetch(_LOCK, list(names))
    return {
        row["order_name"]: Known(
            row["member_id"],
            row["digest"],
            instant(row["at"]),
            instant(row["recorded_at"]),
            row["reused"],
            row["moves"],
        )
        for row in rows
    }


async def change(tx: Transaction, orders: Mapping[UUID, Known]) -> None:
    """Write what is known now of orders that are locked."""
    rows = [
        (name, k.member, k.digest, seconds(k.at), seconds(k.recorded_at), k.reused, k.moves)
        for name, k in orders.items()
    ]
    await tx.execute(_CHANGE, *_columns(rows))


async def by_number(
    tx: Transaction, ranges: Sequence[tuple[UUID, UUID]]
) -> list[dict[UUID, UUID | None]]:
    """Of each number, the orders that have it, in whichever store, and whose they are."""
    found: list[dict[UUID, UUID | None]] = [{} for _ in ranges]
    if not ranges:
        return found
    rows = [(place, first, last) for place, (first, last) in enumerate(ranges)]
    for place, name, member in await tx.fetch(_BY_NUMBER, *_columns(rows)):
        found[place][name] = member
    return found


async def note(tx: Transaction, notes: Sequence[Note], recorded_at: Instant) -> None:
    """Keep what was said."""
    kept = seconds(recorded_at)
    rows = [(n.name, n.key, n.is_basket, n.member, n.at, kept, n.event) for n in notes]
    await tx.execute(_NOTE, *_columns(rows))


async def notes_of(tx: Transaction, names: Iterable[UUID]) -> list[Note]:
    """What was said of orders, in order of time."""
    return [Note(*row) for row in await tx.fetch(_NOTES, list(names))]


async def receipts(tx: Transaction, told: Sequence[Receipt], recorded_at: Instant) -> list[Receipt]:
    """Enter codes of baskets, and of claims; returns what is known: the first word counts."""
    kept = seconds(recorded_at)
    rows = [(r.code, r.order, r.member, kept) for r in told]
    return [Receipt(*row) for row in await tx.fetch(_RECEIPT, *_columns(rows))]


async def forget(tx: Transaction, table: str, before: Instant, limit: int) -> int:
    """Delete some rows of a table that are older; returns how many."""
    tag = await tx.execute(_FORGET.format(table=table), seconds(before), limit)
    return int(tag.rpartition(" ")[2] or 0)


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
