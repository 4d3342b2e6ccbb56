"""Time as a value: instants are integers, and the clock is a parameter.

An *instant* is the number of microseconds since 1970-01-01T00:00:00Z. Integers compare, add and
store without surprise (no naive datetimes, no float rounding) and are what the hot paths use; RFC
3339 text appears only on the wire. Nothing in this project asks the system for the time but
`WallClock`.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol

Instant = int

SECOND: Instant = 1_000_000
MINUTE: Instant = 60 * SECOND
HOUR: Instant = 60 * MINUTE
DAY: Instant = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def from_datetime(moment: datetime) -> Instant:
    """Turn an aware datetime into an instant.

    Raises:
        ValueError: the datetime is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset from UTC")
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(at: Instant) -> datetime:
    """Turn an instant into an aware datetime in UTC (years 1 to 9999).

    Raises:
        OverflowError: outside of the years that a datetime can hold.
    """
    return _EPOCH + timedelta(microseconds=at)


def parse_instant(text: str) -> Instant:
    """Read an RFC 3339 time with offset, as `2017-01-01T11:53:26Z`.

    Raises:
        ValueError: not a time, or without its offset.
    """
    return from_datetime(datetime.fromisoformat(text))


def format_instant(at: Instant) -> str:
    """Write an instant as RFC 3339 in UTC, with a fraction only where there is one."""
    return to_datetime(at).isoformat().replace("+00:00", "Z")


class Clock(Protocol):
    """Where "now" comes from."""

    def now(self) -> Instant:
        """The present instant."""
        ...


class WallClock:
    """The system's time: production."""

    def now(self) -> Instant:
        """The present instant."""
        return from_datetime(datetime.now(UTC))


class ManualClock:
    """A clock that stands still until it is moved: tests, replay, what-if."""

    def __init__(self, at: Instant = 0) -> None:
        """Start at the instant given."""
        self._at = at

    def now(self) -> Instant:
        """The instant last set."""
        return self._at

    def set(self, at: Instant) -> None:
        """Move to an instant, forward or back."""
        self._at = at

    def advance(self, by: Instant) -> None:
        """Move on by a number of microseconds."""
        self._at += by
