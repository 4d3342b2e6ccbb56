"""How many members a lane judges anew at once: so many that events hardly wait for them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_FIRST: Final = 16
_MOST: Final = 512
_SECONDS: Final = 0.05
"""What a batch may take before the next is made smaller; half of it, and the next is larger."""


class AnewPace:
    """The size of the next batch, by what the last one took.

    Attributes:
        members: how many the next batch may judge.
    """

    def __init__(self) -> None:
        """Begin with few."""
        self.members = _FIRST

    @contextmanager
    def turn(self) -> Iterator[int]:
        """Do one batch: gives its size, and takes its time."""
        started, members = time.perf_counter(), self.members
        yield members
        self.took(members, time.perf_counter() - started)

    def took(self, members: int, seconds: float) -> None:
        """A batch of so many took so long."""
        if members != self.members:
            return  # one of them failed
        if seconds > _SECONDS:
            self.members = max(1, members // 2)
        elif seconds < _SECONDS / 2:
            self.members = min(_MOST, members * 2)

    def slower(self) -> bool:
        """Go on with far fewer, for one of them makes the handler fail; False: one is in hand."""
        if self.members == 1:
            self.members = _FIRST
            return False
        self.members = max(1, self.members // 8)
        return True
