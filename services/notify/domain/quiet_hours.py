"""Nobody is disturbed at night: quiet hours on the member's own wall clock.

Quiet hours are a span of local wall-clock time, `[start, end)`, which may pass midnight. What
counts is what the member's clock shows, so a change to or from summer time moves the instant and
not the hour.
"""

from zoneinfo import ZoneInfo

import msgspec

from services.notify.domain.local_time import never_changes, next_change, skipped, time_of_day
from shared.clock import DAY, Instant


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

    That is when the clock shows the end, or when a change of the clocks leads out of quiet hours.
    """
    now = time_of_day(at, zone)
    if not hours.covers(now):
        return None
    end = at + (hours.end - now) % DAY
    if never_changes(zone):
        return end
    changed = next_change(at, end, zone)
    if changed is None:
        return end
    return quiet_until(changed, hours, zone) or changed


def next_time_of_day(at: Instant, time: int, zone: ZoneInfo) -> Instant:
    """The first instant from `at` on when the zone's clock shows `time`, or skips it."""
    now = time_of_day(at, zone)
    shown = at + (time - now) % DAY
    if never_changes(zone):
        return shown
    changed = next_change(at, shown, zone)
    if changed is None:
        return shown
    if (time - time_of_day(changed - 1, zone)) % DAY <= skipped(changed, zone):
        return changed
    return next_time_of_day(changed, time, zone)
