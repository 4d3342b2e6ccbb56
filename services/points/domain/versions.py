"""The versions of the program by time, compiled: an event is judged by the one of its own time."""

from bisect import bisect_right
from collections.abc import Collection, Iterable
from itertools import accumulate
from typing import NamedTuple

from services.points.domain.earning import TASK_KIND, Earning, compile_program
from services.points.domain.program import PointsProgram
from shared.clock import Instant


class Version(NamedTuple):
    """A program with its number and the instant from which it is in force."""

    number: int
    effective_from: Instant
    program: PointsProgram


class Kept(NamedTuple):
    """What must be kept of facts, so that any version can judge them that ever may.

    A version that is in force may be withdrawn, and then the one before it judges its time.
    """

    lines: bool = False
    tenders: bool = False
    kinds: frozenset[str] = frozenset()
    tasks: frozenset[str] = frozenset()

    def and_for(self, earning: Earning) -> "Kept":
        """This, and what one more version looks at."""
        return Kept(
            self.lines or earning.needs_lines,
            self.tenders or earning.needs_tenders,
            self.kinds | earning.kinds,
            self.tasks | earning.tasks,
        )

    def could_earn(self, kind: str, task_id: str | None) -> bool:
        """Whether any rule lists an interaction of that kind, or that task."""
        return kind in self.kinds or (kind == TASK_KIND and task_id in self.tasks)


class Versions:
    """What the machine judges by. Starts empty; `take` brings it up to date."""

    def __init__(self, versions: Iterable[Version] = (), withdrawn: Collection[int] = ()) -> None:
        """Compile the versions given; see `take`."""
        self._compiled: dict[int, Earning] = {}
        self._kept_from: list[Instant] = []
        self._kept: list[Kept] = []
        self._begins: list[Instant] = []
        self._earnings: list[Earning] = []
        self._from: Instant = 0
        self._until: Instant = 0
        self._current: Earning | None = None
        self.take(versions, withdrawn)

    def take(self, versions: Iterable[Version], withdrawn: Collection[int] = ()) -> None:
        """Know these versions from now on; those known already are not compiled again.

        Args:
            versions: all there are.
            withdrawn: the numbers of those that judge nothing.
        """
        ordered = sorted(
            {version.number: version for version in versions}.values(),
            key=lambda version: (version.effective_from, version.number),
        )
        for version in ordered:
            if version.number not in self._compiled:
                self._compiled[version.number] = compile_program(version.number, version.program)
        standing = [version for version in ordered if version.number not in withdrawn]
        self._begins = [version.effective_from for version in standing]
        self._earnings = [self._compiled[version.number] for version in standing]
        self._current = None
        self._kept_from = [version.effective_from for version in ordered]
        earnings = (self._compiled[version.number] for version in ordered)
        self._kept = list(accumulate(earnings, Kept.and_for, initial=Kept()))[1:]

    def kept(self, instant: Instant, /) -> Kept:
        """What must be kept of a fact of an instant: for all versions that had begun by then.

        Raises:
            LookupError: there is no version yet.
        """
        if not self._kept:
            raise LookupError("no version of the program is in hand")
        return self._kept[max(0, bisect_right(self._kept_from, instant) - 1)]

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
        """A version by its number, if it is known, also one that was withdrawn."""
        return self._compiled.get(number)
