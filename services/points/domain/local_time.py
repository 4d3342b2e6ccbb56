"""The local calendar of an instant, cheaply: day, month, weekday and hour."""

from datetime import date, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from shared.clock import MINUTE, Instant, to_datetime

_SLOT: Final = 15 * MINUTE  # offsets from UTC change and differ by whole quarters of an hour
_SLOTS_MAX: Final = 8_192
_EPOCH: Final = date(1970, 1, 1)


class Moment(NamedTuple):
    """Where an instant lies in the local calendar; `day` counts from 1970-01-01."""

    day: int
    month: int
    weekday: int
    hour: int


class LocalTime:
    """The calendar of one time zone, remembering the quarter hours it was asked for."""

    def __init__(self, zone: str) -> None:
        """Take the IANA name of the zone."""
        self._zone = ZoneInfo(zone)
        self._slots: dict[int, Moment] = {}

    def moment(self, at: Instant) -> Moment:
        """The local calendar at an instant."""
        found = self._slots.get(at // _SLOT)
        return found if found is not None else self._look_up(at)

    def date(self, at: Instant) -> date:
        """The local date at an instant."""
        return _EPOCH + timedelta(days=self.moment(at).day)

    def _look_up(self, at: Instant) -> Moment:
        if len(self._slots) >= _SLOTS_MAX:
            self._slots.clear()
        local = to_datetime(at // _SLOT * _SLOT).astimezone(self._zone)
        moment = Moment((local.date() - _EPOCH).days, local.month, local.isoweekday(), local.hour)
        self._slots[at // _SLOT] = moment
        return moment


def plus_months(day: date, months: int) -> date:
    """The same day so many months later, or the last of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
