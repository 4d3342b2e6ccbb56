"""What is known of members that were here a moment ago, so that nobody has to read it again.

Only the owner of a lane writes its members' states, so what it wrote last is what stands in the
database, until the lane goes to somebody else (`forget`).
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from shared.timers.timelines import Loaded, StoredTimeline

_MEMBERS_MAX = 20_000
_KEYS_MAX = 64


class _Kept(NamedTuple):
    """One member: their timeline, the last events that led to it, all orders that were told of."""

    partition: int
    timeline: StoredTimeline
    keys: Sequence[bytes]
    orders: bytes


class Recalled:
    """Stored timelines by member, the ones used last, with the events that led to them."""

    def __init__(self, members_max: int = _MEMBERS_MAX) -> None:
        """Begin with none; keep at most so many."""
        self._members_max = members_max
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()

    def of(self, members: Iterable[UUID]) -> Loaded | None:
        """What is known of these members; None if one of them is not."""
        loaded = Loaded({}, set(), {})
        for member in members:
            kept = self._kept.get(member)
            if kept is None:
                return None
            self._kept.move_to_end(member)
            loaded.timelines[member] = kept.timeline
            loaded.known.update((member, key) for key in kept.keys)
            loaded.orders[member] = kept.orders
        return loaded

    def put(
        self,
        partition: int,
        rows: Sequence[tuple[UUID, StoredTimeline]],
        keys: Iterable[tuple[UUID, bytes]],
        orders: Mapping[UUID, bytes],
    ) -> None:
        """Remember what was committed, by which events, and all orders that were told of."""
        new: dict[UUID, list[bytes]] = {}
        for member, key in keys:
            new.setdefault(member, []).append(key)
        for member, row in rows:
            known = new.get(member, [])[-_KEYS_MAX:]
            self._kept.pop(member, None)
            self._kept[member] = _Kept(partition, row, known, orders.get(member, b""))
        while len(self._kept) > self._members_max:
            self._kept.popitem(last=False)

    def drop(self, members: Iterable[UUID]) -> None:
        """Forget some members: what becomes of them is not known yet."""
        for member in members:
            self._kept.pop(member, None)

    def forget(self, partition: int) -> None:
        """Forget all members of a partition."""
        self.drop([member for member, kept in self._kept.items() if kept.partition == partition])
