"""Nobody is disturbed at night: quiet hours on the member's own wall clock.

Quiet hours are a span of local wall-clock time, `[start, end)`, which may pass midnight. What
counts is what the member's clock shows, so a change to or from summer time moves the instant and
not the hour.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec

from services.notify.domain.local_time import never_changes, shown_at, time_of_day
from shared.clock import DAY, Instant, to_datetime


class QuietHours(msgspec.Struct, frozen=True):
    """A span of the local day; both ends in microseconds after midnight, `start` != `end`."""

    start: int
    end: int

    def covers(self, time_of_day: int) -> bool:
        """Whether a local time of day (µs after midnight) is quiet; the end itself is not."""
        if self.start < self.end:
            return self.start <= time_of_day < self.end
        return time_of_day >= self.start or time_of_day < self.end


def quiet_until(at: Instant, hours: QuietHours, zone: ZoneInfo) -> Instant | None:
    """The first instant after `at` that is not quiet, or None when `at` is not quiet itself.

    At a change of the clocks the end may be shown twice (the first one after `at` counts) or be
    skipped (then quiet hours end with the change).
    """
    now = time_of_day(at, zone)
    if not hours.covers(now):
        return None
    if never_changes(zone):
        return at + (hours.end - now) % DAY
    day = to_datetime(at).astimezone(zone)
    if now >= hours.end:
        day += timedelta(days=1)
    shown = shown_at(day, hours.end, zone)
    for candidate in shown:
        if candidate > at and time_of_day(candidate, zone) == hours.end:
            return candidate
    return _change_between(max(at, shown[0]), shown[1], hours, zone)


def next_time_of_day(at: Instant, time: int, zone: ZoneInfo) -> Instant:
    """The first instant from `at` on when the zone's clock shows `time` (or has skipped it)."""
    everything_else = QuietHours(start=(time + 1) % DAY, end=time)
    return quiet_until(at, everything_else, zone) or at


def _change_between(low: Instant, high: Instant, hours: QuietHours, zone: ZoneInfo) -> Instant:
    """The instant in (low, high] where quiet ends because the clocks skip the end."""
    while high - low > 1:
        middle = (low + high) // 2
        if hours.covers(time_of_day(middle, zone)):
            low = middle
        else:
            high = middle
    return high
