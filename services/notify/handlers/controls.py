"""What people say of journeys: kept, followed by the machine, and brought to who is under way."""

from functools import partial
from typing import Literal, NamedTuple

from services.notify.domain.controls import Controls, Status
from services.notify.store import controls
from services.notify.store.controls import Said
from shared.clock import Instant
from shared.db import Transaction
from shared.runtime.batch import Batch
from shared.runtime.program import LEAST_MARGIN

Action = Literal["pause", "resume", "stop", "finish"]

_STATUS: dict[Action, Status] = {
    "pause": "paused",
    "resume": "running",
    "stop": "stopped",
    "finish": "finishing",
}


class NotPossible(Exception):  # noqa: N818 - a refusal
    """A journey that is at its end is not paused."""


class Done(NamedTuple):
    """The last word of a journey, and whether it had been said before."""

    said: Said
    already: bool


class ControlBook:
    """What was said, as one process has it in hand."""

    def __init__(self) -> None:
        """Begin with nothing; `refresh` fetches it."""
        self._said: list[Said] = []
        self.controls = Controls()

    @property
    def newest(self) -> int:
        """The number of the last word in hand; 0: none."""
        return self._said[-1].id if self._said else 0

    async def refresh(self, tx: Transaction) -> bool:
        """Take in what was said since; one cheap query where nothing was."""
        if await controls.newest(tx) == self.newest:
            return False
        fresh = await controls.said(tx, after=self.newest)
        # several lanes ask at once: the second finds it done
        fresh = [each for each in fresh if each.id > self.newest]
        self._said += fresh
        self.controls = Controls(each.control for each in self._said)
        return bool(fresh)

    def after(self, control: int) -> list[Said]:
        """What was said after a word."""
        return [each for each in self._said if each.id > control]

    def last(self, journey: str) -> Said | None:
        """The last word of a journey."""
        return next((each for each in reversed(self._said) if each.journey == journey), None)


async def say(
    tx: Transaction, journey: str, action: Action, *, by: str, note: str, now: Instant
) -> Done:
    """Pause, resume or stop a journey, some seconds ahead, so that every lane has heard of it.

    What is so already stays as it is.

    Raises:
        NotPossible: it is stopped; only resuming opens it again.
    """
    await controls.take_turns(tx)
    known = await controls.said(tx)
    last = next((each for each in reversed(known) if each.journey == journey), None)
    status = _STATUS[action]
    before: Status = "running" if last is None else last.status
    if before == status:
        return Done(last or Said(0, journey, now, "running", "", ""), already=True)
    if before in {"stopped", "finishing"} and status == "paused":
        raise NotPossible(f"{journey} is stopped: nobody enters it; resume opens it again")
    # never before an earlier word: they hold in the order in which they were said
    at = max(now + LEAST_MARGIN, 0 if last is None else last.at)
    word = Said(known[-1].id + 1 if known else 1, journey, at, status, by, note)
    await controls.say(tx, word, now)
    return Done(word, already=False)


class Waking:
    """Sees to it that those under way are looked at when a journey goes on, or ends.

    A step that waits for a word is due never, and one that is due later would not see its journey
    end before; no event comes by for either.
    """

    def __init__(self, book: ControlBook) -> None:
        """Follow a book."""
        self._book = book
        self._woken: dict[int, int] = {}

    def forget(self, partition: int) -> None:
        """Somebody else may have woken its members: ask the database again."""
        self._woken.pop(partition, None)

    def owes(self, partition: int) -> bool:
        """Whether something was said of which the members of a partition have not heard."""
        return self._book.newest > self._woken.get(partition, 0)

    async def wake(self, tx: Transaction, batch: Batch) -> None:
        """Wake the members of a batch's lane, in a transaction that writes in order."""
        lane, newest = batch.partition, self._book.newest
        for word in self._book.after(await controls.woken(tx, lane)):
            if word.status != "paused":
                await controls.wake(tx, lane, word.at)
                known = batch.soonest_due
                batch.soonest_due = word.at if known is None else min(known, word.at)
        await controls.note_woken(tx, lane, newest)
        batch.committed.append(partial(self._note, lane, newest))

    def _note(self, lane: int, newest: int) -> None:
        self._woken[lane] = newest
