"""Registered publishers."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from services.ingest.domain.source import Source
from shared.clock import Instant
from shared.db import Transaction

_COLUMNS = """name, types, stores, origins, strict, rate_per_second, burst, active,
       created_at, updated_at"""
_ALL = f"SELECT key_hash, {_COLUMNS} FROM sources ORDER BY name"  # noqa: S608 - constants
_BY_KEY = f"SELECT key_hash, {_COLUMNS} FROM sources WHERE key_hash = $1"  # noqa: S608 - constants
_GET = f"SELECT key_hash, {_COLUMNS} FROM sources WHERE name = $1"  # noqa: S608 - constants
_LIST = f"""
SELECT key_hash, {_COLUMNS} FROM sources WHERE name > $1 ORDER BY name LIMIT $2
"""  # noqa: S608 - constants
_ADD = """
INSERT INTO sources (name, key_hash, types, stores, origins, strict, rate_per_second, burst,
                     active, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
    ON CONFLICT (name) DO NOTHING
"""
_CHANGE = """
UPDATE sources SET types = $2, stores = $3, origins = $4, strict = $5, rate_per_second = $6,
       burst = $7, active = $8, updated_at = $9
 WHERE name = $1
"""
_NEW_KEY = "UPDATE sources SET key_hash = $2, updated_at = $3 WHERE name = $1"
_REMOVE = "DELETE FROM sources WHERE name = $1"
_ENSURE = """
INSERT INTO sources (name, key_hash, strict, burst, active, created_at, updated_at)
VALUES ($1, $2, false, $3, true, $4, $4)
    ON CONFLICT (name) DO UPDATE SET key_hash = EXCLUDED.key_hash, types = NULL, stores = NULL,
       origins = NULL, strict = false, rate_per_second = NULL, active = true,
       updated_at = EXCLUDED.updated_at
"""


class StoredSource(NamedTuple):
    """A source as it stands in the table."""

    source: Source
    key_hash: bytes
    created_at: Instant
    updated_at: Instant


def key_hash(key: str) -> bytes:
    """What a key is looked up by. Keys are long random texts, so one SHA-256 is enough."""
    return sha256(key.encode()).digest()


async def every_source(tx: Transaction) -> list[StoredSource]:
    """All of them."""
    return [_stored(row) for row in await tx.fetch(_ALL)]


async def source_by_key(tx: Transaction, hashed: bytes) -> StoredSource | None:
    """The source that has this key."""
    rows = await tx.fetch(_BY_KEY, hashed)
    return _stored(rows[0]) if rows else None


async def get_source(tx: Transaction, name: str) -> StoredSource | None:
    """The source of this name."""
    rows = await tx.fetch(_GET, name)
    return _stored(rows[0]) if rows else None


async def list_sources(tx: Transaction, after: str, limit: int) -> list[StoredSource]:
    """Sources in the order of their names."""
    return [_stored(row) for row in await tx.fetch(_LIST, after, limit)]


async def add_source(tx: Transaction, source: Source, hashed: bytes, now: Instant) -> bool:
    """Register a source; False when the name is taken."""
    return await tx.execute(_ADD, source.name, hashed, *_rights(source), now) == "INSERT 0 1"


async def change_source(tx: Transaction, source: Source, now: Instant) -> bool:
    """Write what a source may; False when there is none of this name."""
    return await tx.execute(_CHANGE, source.name, *_rights(source), now) == "UPDATE 1"


async def change_key(tx: Transaction, name: str, hashed: bytes, now: Instant) -> bool:
    """Give a source another key; False when there is none of this name."""
    return await tx.execute(_NEW_KEY, name, hashed, now) == "UPDATE 1"


async def remove_source(tx: Transaction, name: str) -> bool:
    """Remove a source; False when there is none of this name."""
    return await tx.execute(_REMOVE, name) == "DELETE 1"


async def ensure_source(tx: Transaction, source: Source, hashed: bytes, now: Instant) -> None:
    """Have a source that may do everything with this key."""
    await tx.execute(_ENSURE, source.name, hashed, source.burst, now)


def _rights(source: Source) -> tuple[object, ...]:
    return (
        _listed(source.types),
        _listed(source.stores),
        _listed(source.origins),
        source.strict,
        source.rate_per_second,
        source.burst,
        source.active,
    )


def _listed(values: frozenset[str] | None) -> list[str] | None:
    return None if values is None else sorted(values)


def _set(values: Sequence[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _stored(row: Any) -> StoredSource:
    source = Source(
        row["name"],
        _set(row["types"]),
        _set(row["stores"]),
        _set(row["origins"]),
        strict=row["strict"],
        rate_per_second=row["rate_per_second"],
        burst=row["burst"],
        active=row["active"],
    )
    return StoredSource(source, row["key_hash"], row["created_at"], row["updated_at"])
