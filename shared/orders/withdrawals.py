"""One member's events that are taken back, in order of time: they are as if they had never been.

- An event is taken back once, whoever says so and how often.
- It may be taken back before it is told: then it does not happen at all.
"""

from collections.abc import Iterable
from typing import NamedTuple

from shared.orders.book import Remark
from shared.orders.reports import Report, Withdrawn


class TakesBack(NamedTuple):
    """What a withdrawal comes to: the place of the event that is no more, or None, and why."""

    place: int | None
    remarks: tuple[Remark, ...] = ()


class Withdrawals:
    """What is taken back in a history that is folded from its beginning."""

    def __init__(self, reports: Iterable[Report | None]) -> None:
        """Look out for the events that these reports take back."""
        self._named = {each.key for each in reports if isinstance(each, Withdrawn)}
        self._places: dict[bytes, int] = {}
        self._taken: dict[bytes, Withdrawn] = {}

    def names(self, key: bytes) -> bool:
        """Whether any withdrawal of the history, early or late, is of this event."""
        return key in self._named

    def meet(self, key: bytes, place: int) -> Withdrawn | None:
        """An event that is named happens at a place; returns what took it back before, if so."""
        self._places[key] = place
        return self._taken.get(key)

    def take(self, report: Withdrawn) -> TakesBack:
        """Take an event back."""
        figures = {"withdrawn": report.event_id}
        if report.key in self._taken:
            return TakesBack(None, (Remark(report.fact, "withdrawn_before", figures),))
        self._taken[report.key] = report
        place = self._places.get(report.key)
        if place is None:
            return TakesBack(None, (Remark(report.fact, "withdrawal_waits", figures),))
        return TakesBack(place)

    @property
    def awaited(self) -> tuple[bytes, ...]:
        """The events that are taken back and were not told yet."""
        return tuple(sorted(self._taken.keys() - self._places.keys()))
