"""The states of members that were here a moment ago, so that nobody has to read them again.

Only the owner of a lane writes its members' states, so what it wrote last is what stands in the
database, until the lane goes to somebody else (`forget`).
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from uuid import UUID

from shared.timers.timelines import StoredTimeline

_MEMBERS_MAX = 20_000
_KEYS_MAX = 64


class Recalled:
    """Stored timelines by member, the ones used last, with the events that led to them."""

    def __init__(self, members_max: int = _MEMBERS_MAX) -> None:
        """Begin with none; keep at most so many."""
        self._members_max = members_max
        self._kept: OrderedDict[UUID, tuple[int, StoredTimeline, list[bytes]]] = OrderedDict()

    def of(
        self, members: Iterable[UUID]
    ) -> tuple[dict[UUID, StoredTimeline], set[tuple[UUID, bytes]]] | None:
        """The timelines of these members and the events known of them; None if one is missing."""
        timelines: dict[UUID, StoredTimeline] = {}
        known: set[tuple[UUID, bytes]] = set()
        for member in members:
            kept = self._kept.get(member)
            if kept is None:
                return None
            self._kept.move_to_end(member)
            timelines[member] = kept[1]
            known.update((member, key) for key in kept[2])
        return timelines, known

    def put(
        self,
        partition: int,
        rows: Sequence[tuple[UUID, StoredTimeline]],
        keys: Iterable[tuple[UUID, bytes]],
    ) -> None:
        """Remember what was committed, and by which events."""
        new: dict[UUID, list[bytes]] = {}
        for member, key in keys:
            new.setdefault(member, []).append(key)
        for member, row in rows:
            before = self._kept.pop(member, None)
            known = [*(before[2] if before else ()), *new.get(member, ())]
            self._kept[member] = partition, row, known[-_KEYS_MAX:]
        while len(self._kept) > self._members_max:
            self._kept.popitem(last=False)

    def drop(self, members: Iterable[UUID]) -> None:
        """Forget some members: what becomes of them is not known yet."""
        for member in members:
            self._kept.pop(member, None)

    def forget(self, partition: int) -> None:
        """Forget all members of a partition."""
        self.drop([member for member, kept in self._kept.items() if kept[0] == partition])
