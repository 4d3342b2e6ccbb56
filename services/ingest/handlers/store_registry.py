"""The chain's stores, for those who keep its master data."""

from collections.abc import Sequence

from services.ingest.handlers.store_book import StoreBook
from services.ingest.store import stores as store
from services.ingest.store.stores import StoreRecord
from shared.clock import Clock
from shared.db import Database, Transaction


class StoreRegistry:
    """The table of stores."""

    def __init__(self, database: Database, clock: Clock, book: StoreBook) -> None:
        """Change the table, and have this process's book follow at once."""
        self._database = database
        self._clock = clock
        self._book = book

    async def page(
        self, after: str, limit: int, *, confirmed: bool | None, only: Sequence[str] | None
    ) -> list[StoreRecord]:
        """Stores in the order of their ids."""
        async with self._database.transaction(read_only=True) as tx:
            return await store.list_stores(tx, after, limit, confirmed=confirmed, only=only)

    async def get(self, store_id: str) -> StoreRecord | None:
        """One store."""
        async with self._database.transaction(read_only=True) as tx:
            return await store.get_store(tx, store_id)

    async def add(self, tx: Transaction, record: StoreRecord) -> StoreRecord | None:
        """Add a store in the caller's transaction; None when there is master data of it already."""
        held = await store.get_store(tx, record.store_id)
        if held is not None and held.confirmed:
            return None
        await store.upsert_stores(tx, [record], self._clock.now())
        return await store.get_store(tx, record.store_id)

    async def write(self, records: Sequence[StoreRecord]) -> int:
        """Write master data, the last of each id; returns how many stores that were."""
        last = {record.store_id: record for record in records}
        async with self._database.transaction() as tx:
            await store.upsert_stores(tx, list(last.values()), self._clock.now())
        await self.follow()
        return len(last)

    async def remove(self, store_id: str) -> bool:
        """Remove a store; False when there is none."""
        async with self._database.transaction() as tx:
            removed = await store.remove_store(tx, store_id)
        await self.follow()
        return removed

    async def follow(self) -> None:
        """Have this process act on what has changed."""
        await self._book.reread()
