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


def next_change(after: Instant, until: Instant, zone: ZoneInfo) -> Instant | None:
    """When, in `(after, until]`, the clocks of a zone change; None when they do not.

    The interval is short (two days, say): no clock changes twice within it.
    """
    offset = _offset(after, zone)
    if _offset(until, zone) == offset:
        return None
    low, high = after, until
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == offset:
            low = middle
        else:
            high = middle
    return high


def skipped(change: Instant, zone: ZoneInfo) -> int:
    """How much time of day a change of the clocks skips, in µs; below zero for what comes twice."""
    return _offset(change, zone) - _offset(change - 1, zone)


def days_later(at: Instant, days: int, zone: ZoneInfo) -> Instant:
    """The same time of day so many calendar days later.

    Where the clocks skip it there, the moment of their change; where they show it twice, the first.
    """
    if never_changes(zone):
        return at + days * DAY
    wanted = to_datetime(at + _offset(at, zone)).replace(tzinfo=zone) + timedelta(days=days)
    first, second = sorted(from_datetime(wanted.replace(fold=fold)) for fold in (0, 1))
    if time_of_day(first, zone) == time_of_day(at, zone):
        return first
    return next_change(first, second, zone) or second


def _offset(at: Instant, zone: ZoneInfo) -> int:
    offset = zone.utcoffset(None)  # known without a date where it never changes, as in UTC
    if offset is None:
        offset = to_datetime(at).astimezone(zone).utcoffset()
    return offset // _MICROSECOND if offset else 0
