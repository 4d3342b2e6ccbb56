"""Looking at a run from outside: how far positions are, what memory processes take."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from deploy.bench.errors import StalledError

_LOOK_SECONDS = 0.02
_STALL_SECONDS = 60.0
_PAGE_KIB = 1024


class Sight(NamedTuple):
    """What was seen at a moment: how many events are worked off, messages still to be published."""

    at: float
    worked_off: int
    waiting: bool


class Drained(NamedTuple):
    """A run from the first commit that was seen to the end."""

    events: int
    seconds: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


async def drained(connection: Any, query: str, events: int, *, skip: int = 0) -> Drained:
    """Wait until all events are worked off and published.

    The clock starts at the first look at which more than `skip` events are worked off, so that
    start-up and warm-up do not count.

    Args:
        connection: asyncpg, to the database of what is watched.
        query: answers (events worked off, whether messages wait to be published).
        events: how many there are.
        skip: how many of them come before the measurement.

    Raises:
        StalledError: nothing moved for a minute.
    """
    first: Sight | None = None
    last = Sight(time.perf_counter(), -1, waiting=True)
    while True:
        worked_off, waiting = await connection.fetchrow(query)
        seen = Sight(time.perf_counter(), int(worked_off), bool(waiting))
        if first is None and seen.worked_off > skip:
            first = seen
        if first is not None and seen.worked_off >= events and not seen.waiting:
            return Drained(seen.worked_off - first.worked_off, max(seen.at - first.at, 1e-6))
        if (seen.worked_off, seen.waiting) != (last.worked_off, last.waiting):
            last = seen
        elif seen.at - last.at > _STALL_SECONDS:
            raise StalledError(f"stands at {seen.worked_off} of {events}")
        await asyncio.sleep(_LOOK_SECONDS)


def memory_mib_max(pids: Iterable[int]) -> float:
    """The most memory that any of these processes has had resident, in MiB."""
    return max((_peak_kib(pid) / _PAGE_KIB for pid in pids), default=0.0)


def _peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    for line in status.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0
