"""The registered sources, by heart: who has this key, and is it too fast?

The whole table is held in memory (a chain has dozens of sources) and read again every few seconds,
so that a request needs one SHA-256 and one look-up. When the database is away, what was last
read stays good.
"""

import asyncio
from collections.abc import Callable

from services.ingest.domain.pace import TokenBucket
from services.ingest.domain.recent import Recent
from services.ingest.domain.source import Source
from services.ingest.store import sources as store
from services.ingest.store.sources import StoredSource, key_hash
from shared.clock import SECOND, Clock, Instant
from shared.db import Database

FRESH_FOR: Instant = 2 * SECOND
_LOOK_UP_SECONDS = 1.0
_STRANGERS_MAX = 10_000
_STRANGER_FOR: Instant = SECOND


class SourceBook:
    """Sources by key, by name and by what they call themselves in events."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Start empty; `refresh` fills it."""
        self._database = database
        self._clock = clock
        self._by_key: dict[bytes, Source] = {}
        self._by_origin: dict[str, Source] = {}
        self._open: Source | None = None
        self._buckets: dict[str, TokenBucket] = {}
        self._strangers: Recent[bytes, Instant] = Recent(_STRANGERS_MAX)
        self._read_at: Instant = -FRESH_FOR

    async def keep_fresh(self) -> None:
        """Read the table again when that was a while ago."""
        if self._clock.now() - self._read_at >= FRESH_FOR:
            await self.refresh()

    async def refresh(self) -> None:
        """Read the table again."""
        async with self._database.transaction() as tx:
            stored = await store.every_source(tx)
        active = [each for each in stored if each.source.active]
        self._by_key = {each.key_hash: each.source for each in active}
        self._by_origin = _origins(active)
        self._open = next((each.source for each in active if each.source.origins is None), None)
        self._buckets = {
            each.source.name: self._bucket(each.source, self._buckets.get)
            for each in active
            if each.source.rate_per_second is not None
        }
        self._read_at = self._clock.now()

    async def by_key(self, key: str) -> Source | None:
        """The source that has this key; a key not known is looked up, at most once a second.

        Raises:
            TimeoutError: the database did not answer.
        """
        hashed = key_hash(key)
        source = self._by_key.get(hashed)
        if source is not None:
            return source
        now = self._clock.now()
        asked = self._strangers.get(hashed)
        if asked is not None and now - asked < _STRANGER_FOR:
            return None
        async with asyncio.timeout(_LOOK_UP_SECONDS):
            async with self._database.transaction() as tx:
                stored = await store.source_by_key(tx, hashed)
            if stored is None or not stored.source.active:
                self._strangers.put(hashed, now)
                return None
            await self.refresh()
        return self._by_key.get(hashed)

    def by_origin(self, origin: str) -> Source | None:
        """The source that may publish events whose `source` is this."""
        return self._by_origin.get(origin, self._open)

    def wait_seconds(self, source: Source, events: int) -> int:
        """How long a source must wait before it may publish so many events; 0: not at all."""
        bucket = self._buckets.get(source.name)
        return 0 if bucket is None else bucket.take(events, self._clock.now())

    def _bucket(self, source: Source, held: Callable[[str], TokenBucket | None]) -> TokenBucket:
        """The bucket of a source; it is kept while its rate stays the same."""
        rate = source.rate_per_second or 0.0
        bucket = held(source.name)
        if bucket is not None and bucket.is_for(rate, source.burst):
            return bucket
        return TokenBucket(rate, source.burst, self._clock.now())


def _origins(stored: list[StoredSource]) -> dict[str, Source]:
    return {origin: each.source for each in stored for origin in sorted(each.source.origins or ())}
