"""The member's clock, the slow way: looked at minute by minute.

A second way to the same answer: nothing is worked out from offsets, the clock on the wall is read
until it shows what is waited for. Clocks change at whole minutes.
"""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.clock import DAY, HOUR, MINUTE, Instant

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall shows no zone


@lru_cache(maxsize=1 << 16)
def wall(at: Instant, zone: ZoneInfo) -> datetime:
    """What the clock and calendar on the wall show."""
    shown = datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(zone).replace(tzinfo=None)
    return shown + timedelta(microseconds=at % 1_000_000)


def is_quiet(at: Instant, start: time, end: time, zone: ZoneInfo) -> bool:
    """Whether nobody is to be disturbed; the end is not quiet, and it may come after midnight."""
    now = wall(at, zone).time()
    return start <= now < end if start < end else not end <= now < start


@lru_cache(maxsize=1 << 12)
def quiet_end(at: Instant, start: time, end: time, zone: ZoneInfo) -> Instant:
    """The first instant from `at` on that is not quiet."""
    while is_quiet(at, start, end, zone):
        at = _next_minute(at)
    return at


@lru_cache(maxsize=1 << 12)
def next_time(at: Instant, wanted: time, zone: ZoneInfo) -> Instant:
    """When the clock next shows a time of day, from `at` on, or jumps over it."""
    if wall(at, zone).time() == wanted:
        return at
    while True:
        before, at = wall(at, zone), _next_minute(at)
        shown = datetime.combine(before, wanted)
        if shown <= before:
            shown += timedelta(days=1)
        if shown <= wall(at, zone):
            return at


@lru_cache(maxsize=1 << 12)
def days_later(at: Instant, days: int, zone: ZoneInfo) -> Instant:
    """When the clock first shows the same time so many calendar days later, or jumps over it."""
    wanted = wall(at, zone) + timedelta(days=days)
    minute = wanted.replace(second=0, microsecond=0)
    looked = (wanted - _EPOCH) // timedelta(microseconds=1) - 15 * HOUR
    looked -= looked % MINUTE
    while wall(looked, zone) < minute:
        looked += MINUTE
    if wall(looked, zone) == minute:
        return looked + (wanted - minute) // timedelta(microseconds=1)
    return looked


def same_period(per: str | int, one: Instant, other: Instant, zone: ZoneInfo) -> bool:
    """Whether two instants are of one day or week of the calendar, or less than a span apart."""
    if isinstance(per, int):
        return abs(other - one) < per
    a, b = wall(one, zone).date(), wall(other, zone).date()
    return a == b if per == "day" else a.isocalendar()[:2] == b.isocalendar()[:2]


def span(text: str) -> int:
    """A span of time in µs: 20s, 3m, 12h, 7d."""
    return int(text[:-1]) * {"s": MINUTE // 60, "m": MINUTE, "h": HOUR, "d": DAY}[text[-1]]


def _next_minute(at: Instant) -> Instant:
    return at - at % MINUTE + MINUTE
