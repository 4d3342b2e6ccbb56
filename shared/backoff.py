"""Waiting before trying again: how long, as a value, and the waits themselves."""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Backoff:
    """Exponential back-off with full jitter and a ceiling; it never gives up."""

    first_seconds: float = 0.05
    factor: float = 2.0
    ceiling_seconds: float = 5.0

    def ceiling(self, failures: int) -> float:
        """The longest wait after so many failures in a row (1 or more)."""
        exponent = min(failures - 1, 32)
        return min(self.first_seconds * self.factor**exponent, self.ceiling_seconds)

    def seconds(self, failures: int, chance: random.Random) -> float:
        """The wait after so many failures in a row: between half the ceiling and the ceiling."""
        return self.ceiling(failures) * (0.5 + chance.random() / 2)


async def rest(until: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until the event: told to stop, or woken."""
    try:
        async with asyncio.timeout(seconds):
            await until.wait()
    except TimeoutError:
        return


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> None:
    """Do the work, or give it up when told to stop; raises what the work raises."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.wait((working,))
    if not working.cancelled():
        working.result()
