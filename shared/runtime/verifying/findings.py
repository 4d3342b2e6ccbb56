"""What a verification finds: every difference counted, the first of each table named. Pure."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Final, NamedTuple

ROW: Final = "row"
"""In place of a column: the row itself is missing, or one too many."""

PRESENT: Final = "present"
MISSING: Final = "missing"

_WIDTH_MAX: Final = 200


class Difference(NamedTuple):
    """One value that is not what it should be; `key` names the row, the values are in words."""

    table: str
    key: str
    column: str
    expected: str
    found: str


class Findings:
    """What has been looked at, what differs, and what is as it is for a reason.

    Attributes:
        checked: how many members, facts, rows and records were looked at, by what they are.
        counts: differences by table.
        listed: the first differences of each table.
        accounted: what could have been a difference, and why it is none.
    """

    def __init__(self, listed_max: int = 20) -> None:
        """Begin with nothing; keep at most so many differences of each table."""
        self._listed_max = listed_max
        self.checked: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.listed: list[Difference] = []
        self.accounted: Counter[str] = Counter()

    @property
    def listed_max(self) -> int:
        """How many differences of each table are named."""
        return self._listed_max

    @property
    def total(self) -> int:
        """How many differences there are."""
        return self.counts.total()

    def differs(
        self, table: str, key: object, column: str, expected: object, found: object
    ) -> None:
        """A value is another one."""
        self.counts[table] += 1
        if self.counts[table] <= self._listed_max:
            named = Difference(table, worded(key), column, worded(expected), worded(found))
            self.listed.append(named)

    def more(self, table: str, count: int) -> None:
        """So many differences more, which nobody names."""
        if count > 0:
            self.counts[table] += count

    def missing(self, table: str, key: object) -> None:
        """A row should be there and is not."""
        self.differs(table, key, ROW, PRESENT, MISSING)

    def surplus(self, table: str, key: object) -> None:
        """A row is there and should not be."""
        self.differs(table, key, ROW, MISSING, PRESENT)

    def account(self, reason: str, count: int = 1) -> None:
        """Something is no difference, for this reason."""
        if count:
            self.accounted[reason] += count

    def hold(
        self, table: str, key: object, expected: Mapping[str, object], found: Mapping[str, object]
    ) -> None:
        """Hold the columns of a row against what they should be; others are left alone."""
        for column, value in expected.items():
            if found[column] != value:
                self.differs(table, key, column, value, found[column])

    def hold_rows(
        self,
        table: str,
        owner: object,
        expected: Mapping[Hashable, Mapping[str, object]],
        found: Mapping[Hashable, Mapping[str, object]],
    ) -> None:
        """Hold all rows of somebody in a table against what they should be."""
        for name in _in_order(expected.keys() | found.keys()):
            key = f"{owner} {worded(name)}" if name is not None else owner
            if name not in found:
                self.missing(table, key)
            elif name not in expected:
                self.surplus(table, key)
            else:
                self.hold(table, key, expected[name], found[name])


def worded(value: object) -> str:
    """A value as it is shown: bytes in hex, tuples apart by blanks, what is long cut off."""
    if isinstance(value, bytes):
        text = value.hex()
    elif isinstance(value, tuple):
        text = " ".join(map(worded, value))
    else:
        text = "null" if value is None else str(value)
    return text if len(text) <= _WIDTH_MAX else f"{text[:_WIDTH_MAX]}…"


def _in_order(names: Iterable[Hashable]) -> list[Hashable]:
    return sorted(names, key=worded)
