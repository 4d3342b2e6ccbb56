"""Registering publishers, changing what they may, giving them new keys."""

import secrets
from typing import NamedTuple

from services.ingest.domain.source import Source
from services.ingest.handlers.source_book import SourceBook
from services.ingest.store import sources as store
from services.ingest.store.rejections import Rejected, list_rejected
from services.ingest.store.sources import StoredSource, key_hash
from services.ingest.store.vault import Vault
from shared.clock import Clock
from shared.db import Database, Transaction

_KEY_BYTES = 32


class WithKey(NamedTuple):
    """A source and its new key, which is stored nowhere."""

    stored: StoredSource
    key: str


class SourceRegistry:
    """The table of sources, for those who administer it."""

    def __init__(self, database: Database, clock: Clock, book: SourceBook, vault: Vault) -> None:
        """Change the table, and have this process's book follow at once."""
        self._database = database
        self._clock = clock
        self._book = book
        self._vault = vault

    async def page(self, after: str, limit: int) -> list[StoredSource]:
        """Sources in the order of their names."""
        async with self._database.transaction(read_only=True) as tx:
            return await store.list_sources(tx, after, limit)

    async def get(self, name: str) -> StoredSource | None:
        """One source."""
        async with self._database.transaction(read_only=True) as tx:
            return await store.get_source(tx, name)

    async def add(self, tx: Transaction, source: Source) -> WithKey | None:
        """Register a source in the caller's transaction; None when the name is taken."""
        key = _new_key()
        if not await store.add_source(tx, source, key_hash(key), self._clock.now()):
            return None
        return await self._with_key(tx, source.name, key)

    async def change(self, source: Source) -> StoredSource | None:
        """Write what a source may; None when there is none of this name."""
        async with self._database.transaction() as tx:
            await store.change_source(tx, source, self._clock.now())
            stored = await store.get_source(tx, source.name)
        await self.follow()
        return stored

    async def new_key(self, tx: Transaction, name: str) -> WithKey | None:
        """Give a source another key in the caller's transaction; None when there is no such."""
        key = _new_key()
        await store.change_key(tx, name, key_hash(key), self._clock.now())
        return await self._with_key(tx, name, key)

    async def remove(self, name: str) -> bool:
        """Remove a source; False when there is none of this name."""
        async with self._database.transaction() as tx:
            removed = await store.remove_source(tx, name)
        await self.follow()
        return removed

    async def rejected(self, name: str, before: int, limit: int) -> list[Rejected] | None:
        """What a source published and was not taken; None when there is no such source."""
        async with self._database.transaction(read_only=True) as tx:
            if await store.get_source(tx, name) is None:
                return None
            return await list_rejected(tx, self._vault, name, before, limit)

    async def follow(self) -> None:
        """Have this process act on what has changed."""
        await self._book.refresh()

    @staticmethod
    async def _with_key(tx: Transaction, name: str, key: str) -> WithKey | None:
        stored = await store.get_source(tx, name)
        return None if stored is None else WithKey(stored, key)


def _new_key() -> str:
    return f"rsk_{secrets.token_urlsafe(_KEY_BYTES)}"
