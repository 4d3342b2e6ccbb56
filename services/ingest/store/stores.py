"""The chain's stores: master data, and those that only events have named so far."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from shared.clock import Instant
from shared.db import Transaction

_COLUMNS = """store_id, name, region, city, latitude, longitude, time_zone, confirmed,
       first_source, created_at, updated_at"""
_KNOWN = "SELECT store_id, confirmed FROM stores"
_NOTE = """
INSERT INTO stores (store_id, confirmed, first_source, created_at, updated_at)
SELECT s.store_id, false, s.source, $3, $3 FROM unnest($1::text[], $2::text[]) AS s(store_id,
source)
 ORDER BY s.store_id
    ON CONFLICT (store_id) DO NOTHING
"""
_UPSERT = """
INSERT INTO stores (store_id, name, region, city, latitude, longitude, time_zone, confirmed,
                    created_at, updated_at)
SELECT s.*, true, $8, $8
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::float8[],
              $7::text[])
       AS s(store_id, name, region, city, latitude, longitude, time_zone)
 ORDER BY s.store_id
    ON CONFLICT (store_id) DO UPDATE
       SET name = EXCLUDED.name, region = EXCLUDED.region, city = EXCLUDED.city,
           latitude = EXCLUDED.latitude, longitude = EXCLUDED.longitude,
           time_zone = EXCLUDED.time_zone, confirmed = true, updated_at = EXCLUDED.updated_at
"""
_GET = f"SELECT {_COLUMNS} FROM stores WHERE store_id = $1"  # noqa: S608 - constants
_LIST = f"""
SELECT {_COLUMNS} FROM stores
 WHERE store_id > $1 AND ($2::bool IS NULL OR confirmed = $2)
   AND ($3::text[] IS NULL OR store_id = ANY($3))
 ORDER BY store_id LIMIT $4
"""  # noqa: S608 - constants
_REMOVE = "DELETE FROM stores WHERE store_id = $1"
_COUNT_UNCONFIRMED = "SELECT count(*) AS stores FROM stores WHERE NOT confirmed"


class StoreRecord(NamedTuple):
    """What is known of a store."""

    store_id: str
    name: str | None = None
    region: str | None = None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str | None = None
    confirmed: bool = True
    first_source: str | None = None
    created_at: Instant = 0
    updated_at: Instant = 0


async def known_stores(tx: Transaction) -> dict[str, bool]:
    """Every store that has been named, and whether it is confirmed."""
    return {row["store_id"]: row["confirmed"] for row in await tx.fetch(_KNOWN)}


async def note_stores(tx: Transaction, named: Iterable[tuple[str, str]], now: Instant) -> None:
    """Write down stores that events have named, with the source that did, as not confirmed."""
    pairs = list(named)
    await tx.execute(_NOTE, [store for store, _ in pairs], [source for _, source in pairs], now)


async def upsert_stores(tx: Transaction, stores: Sequence[StoreRecord], now: Instant) -> None:
    """Write master data; a store that was not confirmed now is."""
    columns = [list(column) for column in zip(*(store[:7] for store in stores), strict=True)]
    await tx.execute(_UPSERT, *columns, now)


async def get_store(tx: Transaction, store_id: str) -> StoreRecord | None:
    """One store."""
    rows = await tx.fetch(_GET, store_id)
    return _record(rows[0]) if rows else None


async def list_stores(
    tx: Transaction,
    after: str,
    limit: int,
    *,
    confirmed: bool | None,
    only: Sequence[str] | None,
) -> list[StoreRecord]:
    """Stores in the order of their ids; `only` limits them to some."""
    rows = await tx.fetch(_LIST, after, confirmed, only, limit)
    return [_record(row) for row in rows]


async def remove_store(tx: Transaction, store_id: str) -> bool:
    """Remove a store; False when there is none."""
    return await tx.execute(_REMOVE, store_id) == "DELETE 1"


async def count_unconfirmed(tx: Transaction) -> int:
    """How many stores only events have named."""
    [row] = await tx.fetch(_COUNT_UNCONFIRMED)
    return int(row["stores"])


def _record(row: Any) -> StoreRecord:
    return StoreRecord(*row)
