"""The stores that have been named, by heart; those that nobody has named before are noted.

Master data comes late, so an unknown store is no error: it is registered as not confirmed, a moment
later and off the path of the request.
"""

from services.ingest.store import stores as store
from shared.clock import SECOND, Clock, Instant
from shared.db import Database

FRESH_FOR: Instant = 2 * SECOND
_NOTED_AT_ONCE = 1_000


class StoreBook:
    """Which stores are known, and which of them are confirmed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Start empty; `keep_fresh` fills it."""
        self._database = database
        self._clock = clock
        self._known: dict[str, bool] = {}
        self._new: dict[str, str] = {}
        self._read_at: Instant = -FRESH_FOR

    def is_confirmed(self, store_id: str) -> bool:
        """Whether there is master data of this store."""
        return self._known.get(store_id, False)

    def note(self, store_id: str, source: str) -> None:
        """An event has named this store."""
        if store_id not in self._known and len(self._new) < _NOTED_AT_ONCE:
            self._new[store_id] = source

    async def keep_fresh(self) -> None:
        """Write down new stores, and read the table again when that was a while ago."""
        now = self._clock.now()
        if self._new or now - self._read_at >= FRESH_FOR:
            await self._refresh(now)

    async def reread(self) -> None:
        """Read the table again now."""
        await self._refresh(self._clock.now())

    @property
    def unconfirmed(self) -> int:
        """How many stores only events have named."""
        return sum(not confirmed for confirmed in self._known.values())

    async def _refresh(self, now: Instant) -> None:
        new = self._new
        self._new = {}
        try:
            async with self._database.transaction() as tx:
                if new:
                    await store.note_stores(tx, new.items(), now)
                self._known = await store.known_stores(tx)
        except BaseException:
            self._new = new | self._new
            raise
        self._read_at = now
