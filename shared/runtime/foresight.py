"""What withdrawing a version of the program would change: histories folded with it and without.

Nothing is written: both ways are folded from the stored facts of some members, and compared.
"""

import asyncio
import time
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Hashable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol, TypeVar
from uuid import UUID

import msgspec

from shared.clock import Clock, Instant
from shared.db import Transaction
from shared.orders import Folded
from shared.runtime import positions
from shared.runtime.anew import time_of
from shared.runtime.machine import Machine
from shared.runtime.news import News, fold_whole
from shared.runtime.program import ProgramHistory, Versioned, Withdrawn
from shared.timers import judged, timelines
from shared.timers.judged import Time

P = TypeVar("P")

SAMPLE_MAX: Final = 1_000
_SECONDS_MAX: Final = 10.0
_AT_ONCE: Final = 50


class Holding(NamedTuple):
    """Something that a member has: points by a rule, a tag, a tier, a message.

    `which` tells apart what is shown under one name.
    """

    kind: str
    name: str
    which: Hashable = None


class Change(NamedTuple):
    """What members of a sample would lose and gain under one name."""

    kind: str
    name: str
    taken: int
    given: int


class Foreseen(NamedTuple):
    """What would change: `sample` of `members` were looked at, for `changed` of them it would."""

    members: int
    sample: int
    changed: int
    changes: Sequence[Change]


class Part(Protocol[P]):
    """What a service says of itself."""

    def machine(
        self, versions: Sequence[Versioned[P]], withdrawn: Collection[int]
    ) -> Machine[Any, Any, Any]:
        """A machine of its own over these versions, of which some do not stand."""
        ...

    def holdings(self, machine: Any, folded: Folded[Any, Any]) -> Mapping[Holding, int]:
        """What a member has at the end of a history, and how much of it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Foresight:
    """Tells what would be without a version.

    Attributes:
        history: of the program; of its own, for the lanes' may be ahead of their machine.
        part: the service's.
        clock: the wall's.
        consumer: whose positions tell the time under the stream clock.
        partitions: of every member topic.
        stream: with the stream clock.
        by_time: whether time alone changes members.
        prepare: brings whatever else the part goes by up to date.
    """

    history: ProgramHistory[Any]
    part: Part[Any]
    clock: Clock
    consumer: str
    partitions: int
    stream: bool
    by_time: bool
    seconds_max: float = _SECONDS_MAX
    prepare: Callable[[Transaction], Awaitable[object]] | None = None

    def time_of(self, version: Withdrawn) -> Time:
        """Whom its withdrawal would concern."""
        return time_of(version, by_time=self.by_time)

    async def foresee(self, tx: Transaction, version: Withdrawn, sample: int) -> Foreseen:
        """Judge up to so many members with a version and without it.

        They are the first by partition and id; fewer when it takes too long.
        """
        when = self.time_of(version)
        members = await judged.count(tx, when)
        found = await judged.sample(tx, when, sample)
        await self.history.refresh(tx)
        if self.prepare is not None:
            await self.prepare(tx)
        gone = {each.version for each in self.history.withdrawn}
        if not found:
            return Foreseen(members, 0, 0, [])
        with_it = self.part.machine(self.history.versions, gone)
        without = self.part.machine(self.history.versions, gone | {version.version})
        clocks = await self._clocks(tx)
        taken, given = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        looked = changed = 0
        ends = time.monotonic() + self.seconds_max
        async for partition, member, facts in _histories(tx, found, with_it.fact_type):
            until = clocks.get(partition, self.clock.now())
            differences = _differences(
                self._holdings(with_it, member, facts, until),
                self._holdings(without, member, facts, until),
            )
            for holding, difference in differences.items():
                sum_ = given if difference > 0 else taken
                sum_[holding.kind, holding.name] += abs(difference)
            looked, changed = looked + 1, changed + bool(differences)
            await asyncio.sleep(0)  # others wait for this process, too
            if time.monotonic() > ends:
                break
        names = sorted(taken.keys() | given.keys())
        changes = [Change(*name, taken[name], given[name]) for name in names]
        return Foreseen(members, looked, changed, changes)

    async def _clocks(self, tx: Transaction) -> dict[int, Instant]:
        if not self.stream:
            return {}
        told = (await positions.progress(tx)).get(self.consumer, {})
        return {lane: max(each.until for each in held.values()) for lane, held in told.items()}

    def _holdings(
        self,
        machine: Machine[Any, Any, Any],
        member: UUID,
        facts: Sequence[News],
        until: Instant,
    ) -> Mapping[Holding, int]:
        folded, _ = fold_whole(machine, member, facts, until)
        return self.part.holdings(machine, folded)


async def _histories(
    tx: Transaction, members: Sequence[tuple[int, UUID]], fact_type: Any
) -> AsyncIterator[tuple[int, UUID, list[News]]]:
    """The facts of members, some members at a time."""
    decode = msgspec.msgpack.Decoder(fact_type).decode
    lanes: dict[int, list[UUID]] = {}
    for partition, member in members:
        lanes.setdefault(partition, []).append(member)
    for partition, who in lanes.items():
        rest = iter(who)
        while some := list(islice(rest, _AT_ONCE)):
            stored = await timelines.history(tx, partition, some)
            for member in some:
                yield (
                    partition,
                    member,
                    [News(e.order, decode(e.body), e.supersedes, "") for e in stored[member]],
                )


def _differences(before: Mapping[Holding, int], after: Mapping[Holding, int]) -> dict[Holding, int]:
    changed = {
        holding: after.get(holding, 0) - before.get(holding, 0)
        for holding in before.keys() | after.keys()
    }
    return {holding: by for holding, by in changed.items() if by}
