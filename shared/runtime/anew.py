"""What was decided in the time of a withdrawn version is decided anew, by the versions that stand.

Each lane does it for its own members, a few at a time, so that events wait for no more than that:
it walks through its members in the order of their ids, folds anew whoever has anything in that time
and notes how far it is, all in the transaction of a batch. So it is done once, whatever is killed
in between. Should an event of a member come first, they are folded anew right before it.

Who has anything in that time: whoever has a fact in it. Where time alone changes things (a tag that
decays, a step of a journey), everybody who was there before its end and has been folded beyond its
beginning: what a timer did then is not to be seen in the facts.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from shared.db import Transaction
from shared.runtime.batch import Batch
from shared.runtime.positions import BEGINNING
from shared.runtime.program import ProgramHistory, Withdrawn
from shared.timers import judged, timelines
from shared.timers.judged import NOBODY, Progress, Time

_NOT_BEGUN: Final = Progress(NOBODY, done=False)


class Chunk(NamedTuple):
    """Members to be folded anew, and what their corrections name as their cause."""

    cause: str
    members: list[UUID]


class Waking(Protocol):
    """What else brings the program's history to members of whom nothing is heard."""

    def forget(self, partition: int) -> None:
        """Somebody else may have written this partition: remember nothing of it."""
        ...

    def owes(self, partition: int) -> bool:
        """Whether there is something to do in a partition."""
        ...

    async def wake(self, tx: Transaction, batch: Batch) -> None:
        """Do it, with statements in order."""
        ...


class Anew:
    """How far each lane of this process is with the versions that were withdrawn."""

    def __init__(
        self, history: ProgramHistory[Any], *, by_time: bool, waking: Waking | None = None
    ) -> None:
        """Follow a history.

        Args:
            history: of the program.
            by_time: whether time alone changes members.
            waking: what else there is to do beside events.
        """
        self._history = history
        self._by_time = by_time
        self._waking = waking
        self._progress: dict[int, dict[int, Progress]] = {}

    def forget(self, partition: int) -> None:
        """Somebody else may have come further: ask the database again."""
        self._progress.pop(partition, None)
        if self._waking is not None:
            self._waking.forget(partition)

    def owes(self, partition: int) -> bool:
        """Whether there is something left to do, as far as is known."""
        if self._waking is not None and self._waking.owes(partition):
            return True
        return bool(self._history.withdrawn and self._pending(partition))

    async def chunks(self, tx: Transaction, batch: Batch, members: Sequence[UUID]) -> list[Chunk]:
        """Who is to be folded anew before a batch does anything else; writes go in order then.

        Of the members that the batch is about, those who are not yet; and the next of the lane,
        `batch.anew_max` at most, where the batch is for that.
        """
        if self._waking is not None and self._waking.owes(batch.partition):
            await tx.in_order()
            await self._waking.wake(tx, batch)
        if not (self._history.withdrawn and (members or batch.anew_max)):
            return []
        await self._ask(tx, batch.partition)
        chunks = await self._among(tx, batch.partition, members) if members else []
        if chunks or batch.anew_max:
            await tx.in_order()
        if batch.anew_max:
            chunks += await self._next(tx, batch)
        return chunks

    async def _among(self, tx: Transaction, lane: int, members: Sequence[UUID]) -> list[Chunk]:
        chunks: list[Chunk] = []
        left = set(members)
        for version, progress in self._pending(lane):
            time = time_of(version, by_time=self._by_time)
            found = await judged.among(tx, lane, time, list(left), progress.after)
            if found:
                chunks.append(Chunk(version.cause, found))
                left.difference_update(found)
        return chunks

    async def _next(self, tx: Transaction, batch: Batch) -> list[Chunk]:
        """The next members of a lane; notes that it is past them."""
        lane = batch.partition
        pending = self._pending(lane)
        if not pending:
            return []
        version, progress = pending[0]
        looked = await self._look(tx, lane, version, progress)
        members: list[UUID] = []
        after = progress.after
        for member, has_any in looked:
            if has_any and len(members) == batch.anew_max:
                break
            after = member
            if has_any:
                members.append(member)
        done = len(looked) < judged.LOOKED_AT_ONCE and (not looked or after == looked[-1][0])
        done_at = batch.now if done else None
        await judged.move(tx, lane, version.version, after, len(members), done_at)
        reached = Progress(after, done)
        batch.committed.append(partial(self._reached, lane, version.version, reached))
        return [Chunk(version.cause, members)] if members else []

    async def pass_over(self, tx: Transaction, partition: int) -> None:
        """Leave the next member to the due queue, for folding them anew fails.

        There a member whose state is empty is folded anew too, and becomes a dead letter if that
        fails again.
        """
        await self._ask(tx, partition)
        for version, progress in self._pending(partition)[:1]:
            looked = await self._look(tx, partition, version, progress)
            member = next((member for member, has_any in looked if has_any), None)
            if member is None:
                return
            await timelines.empty(tx, partition, member)
            await judged.move(tx, partition, version.version, member, 1, None)
            self._progress.pop(partition, None)

    async def _look(
        self, tx: Transaction, partition: int, version: Withdrawn, progress: Progress
    ) -> list[tuple[UUID, bool]]:
        time = time_of(version, by_time=self._by_time)
        return await judged.look(tx, partition, time, progress.after)

    async def _ask(self, tx: Transaction, partition: int) -> None:
        if partition not in self._progress:
            self._progress[partition] = await judged.progress(tx, partition)

    def _pending(self, partition: int) -> list[tuple[Withdrawn, Progress]]:
        known = self._progress.get(partition, {})
        found = [(each, known.get(each.version, _NOT_BEGUN)) for each in self._history.withdrawn]
        return [(version, progress) for version, progress in found if not progress.done]

    def _reached(self, partition: int, version: int, progress: Progress) -> None:
        if partition in self._progress:
            self._progress[partition][version] = progress


def time_of(version: Withdrawn, *, by_time: bool) -> Time:
    """Whom a withdrawn version concerns."""
    return Time(version.since, BEGINNING if by_time else version.since, version.until)
