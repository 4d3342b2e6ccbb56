"""Wall-clock time: what a member's clock and calendar show, and when they show it.

Instants are compared and added; wall-clock time is only ever derived from them, in a zone. A
change to or from summer time therefore moves instants, never hours.
"""

from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from shared.clock import DAY, Instant, from_datetime, to_datetime

Period = Literal["day", "week"]

_MICROSECOND = timedelta(microseconds=1)
_MONDAY_OF_EPOCH = 3 * DAY  # 1970-01-01 was a Thursday
_WEEK = 7 * DAY


def never_changes(zone: ZoneInfo) -> bool:
    """Whether the clocks of a zone always differ from UTC by the same, as in UTC itself."""
    return zone.utcoffset(None) is not None


def time_of_day(at: Instant, zone: ZoneInfo) -> int:
    """What the clock of a zone shows at an instant, in µs after midnight."""
    return (at + _offset(at, zone)) % DAY


def period_start(period: Period, at: Instant, zone: ZoneInfo) -> Instant:
    """When the calendar day (or the week, from Monday) that an instant lies in began there.

    Where a change of the clocks skips midnight, the day begins with the change.
    """
    offset = _offset(at, zone)
    wall = at + offset
    since = wall % DAY if period == "day" else (wall + _MONDAY_OF_EPOCH) % _WEEK
    start = at - since
    if never_changes(zone):
        return start
    first = to_datetime(wall - since).date()
    midnight = datetime(first.year, first.month, first.day, tzinfo=zone)
    return min(from_datetime(midnight), at)


def shown_at(local_day: datetime, time: int, zone: ZoneInfo) -> list[Instant]:
    """The two instants (ascending, mostly equal) at which a clock of the zone may show `time`."""
    midnight = datetime(local_day.year, local_day.month, local_day.day, tzinfo=zone)
    wall = midnight + timedelta(microseconds=time)  # wall-clock arithmetic: the zone stays
    return sorted(from_datetime(wall.replace(fold=fold)) for fold in (0, 1))


def _offset(at: Instant, zone: ZoneInfo) -> int:
    offset = zone.utcoffset(None)  # known without a date where it never changes, as in UTC
    if offset is None:
        offset = to_datetime(at).astimezone(zone).utcoffset()
    return offset // _MICROSECOND if offset else 0
