"""What was seen recently, within a bound: a dictionary of two generations.

When the young generation is full it becomes the old one, and what was old is forgotten. What is
found in the old one is young again. So the last `size` entries used are always there, at the
price of one or two dictionary look-ups, with no list to keep in order.
"""

from collections.abc import KeysView, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A mapping that remembers at least the last `size` entries used, and at most twice as many."""

    __slots__ = ("_old", "_size", "_young")

    def __init__(self, size: int) -> None:
        """Start empty."""
        self._size = size
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def __len__(self) -> int:
        """How many entries are remembered."""
        return len(self._young) + len(self._old.keys() - self._young.keys())

    def get(self, key: K) -> V | None:
        """The value, if it is remembered."""
        value = self._young.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def among(self, keys: KeysView[K]) -> dict[K, V]:
        """The values of those of many keys that are remembered: two set operations, as a rule."""
        found: dict[K, V] = {}
        for key in keys & self._old.keys() | keys & self._young.keys():
            value = self.get(key)
            if value is not None:
                found[key] = value
        return found

    def put(self, key: K, value: V) -> None:
        """Remember a value."""
        if len(self._young) >= self._size and key not in self._young:
            self._old = self._young
            self._young = {}
        self._young[key] = value

    def update(self, entries: Mapping[K, V]) -> None:
        """Remember many values at once."""
        if len(self._young) + len(entries) > self._size:
            self._old = self._young
            self._young = {}
        self._young.update(entries)

    def forget(self, key: K) -> None:
        """Forget a value."""
        self._young.pop(key, None)
        self._old.pop(key, None)
