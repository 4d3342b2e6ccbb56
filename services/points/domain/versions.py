"""The versions of the program by time, compiled: an event is judged by the one of its own time."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from services.points.domain.earning import Earning, compile_program
from services.points.domain.program import PointsProgram
from shared.clock import Instant


class Version(NamedTuple):
    """A program with its number and the instant from which it is in force."""

    number: int
    effective_from: Instant
    program: PointsProgram


class Versions:
    """What the machine judges by. Starts empty; `take` brings it up to date."""

    def __init__(self, versions: Iterable[Version] = ()) -> None:
        """Compile the versions given."""
        self._compiled: dict[int, Earning] = {}
        self._begins: list[Instant] = []
        self._earnings: list[Earning] = []
        self._from: Instant = 0
        self._until: Instant = 0
        self._current: Earning | None = None
        self.take(versions)

    def take(self, versions: Iterable[Version]) -> None:
        """Know these versions from now on; those known already are not compiled again."""
        ordered = sorted(
            {version.number: version for version in versions}.values(),
            key=lambda version: (version.effective_from, version.number),
        )
        for version in ordered:
            if version.number not in self._compiled:
                self._compiled[version.number] = compile_program(version.number, version.program)
        self._begins = [version.effective_from for version in ordered]
        self._earnings = [self._compiled[version.number] for version in ordered]
        self._current = None

    def at(self, instant: Instant, /) -> Earning:
        """The version in force at an instant; before the first, the first.

        Raises:
            LookupError: there is no version yet.
        """
        if self._current is not None and self._from <= instant < self._until:
            return self._current
        if not self._earnings:
            raise LookupError("no version of the program is in hand")
        index = max(0, bisect_right(self._begins, instant) - 1)
        later = self._begins[index + 1 : index + 2]
        self._from = self._begins[index]
        self._until = later[0] if later else 2**63
        self._current = self._earnings[index]
        return self._current

    def numbered(self, number: int) -> Earning | None:
        """A version by its number, if it is known."""
        return self._compiled.get(number)
