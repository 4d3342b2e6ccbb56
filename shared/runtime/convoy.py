"""Lanes that are up to date commit together: a round trip for all of them, not one for each.

Live, a lane has an event or two at a time, and what a batch costs hardly depends on what is in it.
So the lanes of a consumer share one statement: whoever comes first takes along all who wait, and
while that one is on its way the next gather. Should it fail, nothing was written, and each goes by
itself, the ordinary way: only there is it found out whose fault it was.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.db import Database, WriteSet

Stage = Callable[[WriteSet], Awaitable[Callable[[], None]]]
"""Reads and writes what a lane's batch asks for; returns what is to be done after the commit."""


@dataclass(eq=False, slots=True)
class _Seat:
    stage: Stage
    arrived: bool | None = None


class Convoy:
    """The lanes of one consumer in this process, as far as they commit together."""

    def __init__(self, database: Database) -> None:
        """Commit to this database."""
        self._database = database
        self._turn = asyncio.Lock()
        self._waiting: list[_Seat] = []

    async def ride(self, stage: Stage) -> bool:
        """Commit a batch together with others; False when nothing of it was written."""
        seat = _Seat(stage)
        self._waiting.append(seat)
        async with self._turn:
            # what the broker gathered came to several lanes at once: let each of them get on
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if seat.arrived is None:
                seats, self._waiting = self._waiting, []
                await self._go(seats)
        return bool(seat.arrived)

    async def _go(self, seats: list[_Seat]) -> None:
        done: list[Callable[[], None]] = []
        written = False
        try:
            async with self._database.write_set() as tx:
                for seat in seats:
                    done.append(await seat.stage(tx))  # noqa: PERF401 - one after the other
            written = True
        except Exception:  # noqa: BLE001 - each finds out by itself what was wrong
            return
        finally:
            # also when cancelled on the way: who waits must not believe that it is written
            for seat in seats:
                seat.arrived = written
        for each in done:
            each()
