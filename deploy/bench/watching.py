"""Looking at a run from outside: how far positions are, what memory and CPU processes take."""

import asyncio
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from deploy.bench.errors import StalledError

_LOOK_SECONDS = 0.02
_STALL_SECONDS = 60.0
_PAGE_KIB = 1024


class Sight(NamedTuple):
    """What was seen at a moment.

    Attributes:
        at: when.
        worked_off: how many events were.
        waiting: whether messages were still to be published.
        cpu_seconds: what all processes of the benchmark had used by then.
    """

    at: float
    worked_off: int
    waiting: bool
    cpu_seconds: float = 0.0


class Drained(NamedTuple):
    """A run from the first commit that was seen to the end."""

    events: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_micros(self) -> float:
        """CPU time an event took in all processes: ours, PostgreSQL's and Kafka's."""
        return self.cpu_seconds / self.events * 1_000_000


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
            first = seen._replace(cpu_seconds=_cpu_seconds_below(os.getpid()))
        if first is not None and seen.worked_off >= events and not seen.waiting:
            return Drained(
                max(seen.worked_off - first.worked_off, 1),
                max(seen.at - first.at, 1e-6),
                _cpu_seconds_below(os.getpid()) - first.cpu_seconds,
            )
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


def cpu_seconds_of(pid: int) -> float:
    """CPU time that a process and its children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    used = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return used + _cpu_seconds_below(pid)


def _cpu_seconds_below(ancestor: int) -> float:
    """CPU time of all descendants of a process, with that of those that they have buried."""
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended while we looked
        children.setdefault(int(fields[1]), []).append(int(entry.name))
        ticks[int(entry.name)] = sum(map(int, fields[11:15]))
    total, below = 0, list(children.get(ancestor, ()))
    while below:
        pid = below.pop()
        total += ticks[pid]
        below += children.get(pid, ())
    return total / os.sysconf("SC_CLK_TCK")
