"""Naming the events of many requests in one transaction: a group commit.

Somebody new costs a transaction, and a till that has just been switched on sends nothing but
people who are new to us. Whoever comes first takes along all who wait, and while that transaction
is on its way the next gather.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.ingest.domain.candidate import Candidate
from services.ingest.handlers.identifying import Identifier
from services.ingest.store.identities import SeenElsewhere
from shared.clock import Instant
from shared.db import Database, is_transient
from shared.outbox import append

_ATTEMPTS: Final = 5
_CANDIDATES_MAX: Final = 2_000


@dataclass(eq=False, slots=True)
class _Waiting:
    candidates: Sequence[Candidate]
    now: Instant
    done: bool = False
    error: Exception | None = None


class Naming:
    """Finds or makes the members of events whose names are not known by heart."""

    def __init__(self, database: Database, identifier: Identifier) -> None:
        """Write to this database what this identifier decides."""
        self._database = database
        self._identifier = identifier
        self._turn = asyncio.Lock()
        self._queue: list[_Waiting] = []

    async def name(self, candidates: Sequence[Candidate], now: Instant) -> None:
        """Name these events, together with those of whoever else waits.

        Raises:
            TimeoutError: others keep adding the same names.
            Exception: what the database says.
        """
        mine = _Waiting(candidates, now)
        self._queue.append(mine)
        try:
            async with self._turn:
                while not mine.done:
                    await self._go()
        except asyncio.CancelledError:
            if mine in self._queue:
                self._queue.remove(mine)
            raise
        if mine.error is not None:
            raise mine.error

    async def _go(self) -> None:
        """One transaction for the next who wait; cancelled in it, the others still wait."""
        group = self._next()
        try:
            await self._transact(group)
        except Exception as error:  # noqa: BLE001 - raised where it belongs
            if not is_transient(error) and len(group) > 1:
                await self._one_by_one(group)
                return
            for each in group:
                each.done, each.error = True, error
        except BaseException:
            self._queue = [*group, *self._queue]
            raise
        else:
            for each in group:
                each.done = True

    def _next(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        size = 0
        while self._queue and (
            not group or size + len(self._queue[0].candidates) < _CANDIDATES_MAX
        ):
            group.append(self._queue.pop(0))
            size += len(group[-1].candidates)
        return group

    async def _one_by_one(self, group: Sequence[_Waiting]) -> None:
        """Somebody's events make it fail: nobody else is to suffer for it."""
        for each in group:
            try:
                await self._transact([each])
            except Exception as error:  # noqa: BLE001 - raised where it belongs
                each.error = error
            each.done = True

    async def _transact(self, group: Sequence[_Waiting]) -> None:
        candidates = [candidate for each in group for candidate in each.candidates]
        now = max(each.now for each in group)
        for _ in range(_ATTEMPTS):
            try:
                async with self._database.transaction() as tx:
                    written, added = await self._identifier.in_database(tx, candidates, now)
                    await append(tx, added, now)
            except SeenElsewhere:
                continue
            self._identifier.committed(written)
            return
        raise TimeoutError("others keep adding the same names")
