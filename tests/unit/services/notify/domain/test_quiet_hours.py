"""Quiet hours on the days when clocks change, on leap days, and around midnight."""

from zoneinfo import ZoneInfo

import pytest

from services.notify.domain.local_time import days_later, period_start
from services.notify.domain.quiet_hours import QuietHours, next_time_of_day, quiet_until
from shared.clock import HOUR, MINUTE, format_instant, parse_instant

NIGHT = QuietHours(start=22 * HOUR, end=8 * HOUR)


@pytest.mark.parametrize(
    ("at", "zone", "until"),
    [
        ("2024-03-01T21:59:59Z", "UTC", None),
        ("2024-03-01T22:00:00Z", "UTC", "2024-03-02T08:00:00Z"),
        ("2024-03-02T07:59:59.999999Z", "UTC", "2024-03-02T08:00:00Z"),
        ("2024-03-02T08:00:00Z", "UTC", None),
        # the night into a leap day, and out of it
        ("2024-02-28T23:00:00Z", "UTC", "2024-02-29T08:00:00Z"),
        ("2024-02-29T23:00:00Z", "UTC", "2024-03-01T08:00:00Z"),
        ("2023-02-28T23:00:00Z", "UTC", "2023-03-01T08:00:00Z"),
        # 14:30 in UTC is half past ten at night in Shanghai
        ("2024-03-01T14:30:00Z", "Asia/Shanghai", "2024-03-02T00:00:00Z"),
        # New York: a night of nine hours, and one of eleven
        ("2024-03-10T03:00:00Z", "America/New_York", "2024-03-10T12:00:00Z"),
        ("2024-11-03T02:00:00Z", "America/New_York", "2024-11-03T13:00:00Z"),
    ],
)
def test_the_night_ends_at_eight_on_the_members_clock(
    at: str, zone: str, until: str | None
) -> None:
    found = quiet_until(parse_instant(at), NIGHT, ZoneInfo(zone))
    assert (None if found is None else format_instant(found)) == until


def test_an_end_that_the_clocks_skip_is_the_instant_of_the_change() -> None:
    hours = QuietHours(start=HOUR, end=2 * HOUR + 30 * MINUTE)
    at = parse_instant("2024-03-10T06:15:00Z")  # 01:15 in New York; 02:30 does not come
    found = quiet_until(at, hours, ZoneInfo("America/New_York"))
    assert found is not None
    assert format_instant(found) == "2024-03-10T07:00:00Z"


def test_an_end_that_comes_twice_counts_each_time() -> None:
    hours = QuietHours(start=0, end=HOUR + 30 * MINUTE)
    zone = ZoneInfo("America/New_York")
    first = quiet_until(parse_instant("2024-11-03T05:10:00Z"), hours, zone)  # 01:10, first time
    second = quiet_until(parse_instant("2024-11-03T06:10:00Z"), hours, zone)  # 01:10 again
    assert first == parse_instant("2024-11-03T05:30:00Z")
    assert second == parse_instant("2024-11-03T06:30:00Z")


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2024-03-01T10:00:00Z", "2024-03-01T11:00:00Z"),
        ("2024-03-01T11:00:00Z", "2024-03-01T11:00:00Z"),
        ("2024-03-01T11:00:00.000001Z", "2024-03-02T11:00:00Z"),
    ],
)
def test_waiting_for_an_hour_waits_for_the_next_one(at: str, until: str) -> None:
    assert next_time_of_day(parse_instant(at), 11 * HOUR, ZoneInfo("UTC")) == parse_instant(until)


@pytest.mark.parametrize(
    ("start", "end", "zone", "at", "until"),
    [
        # Berlin, 27 October 2024: 02:00 to 03:00 comes twice, and the change leads out of the quiet
        ("02:30", "03:00", "Europe/Berlin", "2024-10-27T00:45:00Z", "2024-10-27T01:00:00Z"),
        ("02:30", "03:00", "Europe/Berlin", "2024-10-27T01:45:00Z", "2024-10-27T02:00:00Z"),
        # Cairo, 31 October 2024: midnight is put back to 23:00
        ("23:30", "00:00", "Africa/Cairo", "2024-10-31T20:45:00Z", "2024-10-31T21:00:00Z"),
        # a change that leads from quiet into quiet
        ("22:00", "08:00", "Africa/Cairo", "2024-10-31T20:45:00Z", "2024-11-01T06:00:00Z"),
    ],
)
def test_m54_quiet_hours_end_at_the_first_instant_that_is_not_quiet(
    start: str, end: str, zone: str, at: str, until: str
) -> None:
    hours = QuietHours(start=_time(start), end=_time(end))
    found = quiet_until(parse_instant(at), hours, ZoneInfo(zone))
    assert found is not None
    assert format_instant(found) == format_instant(parse_instant(until))


@pytest.mark.parametrize(
    ("zone", "at", "time", "until"),
    [
        # Berlin, 31 March 2024: 02:00 to 03:00 is skipped at 01:00 in UTC
        ("Europe/Berlin", "2024-03-30T23:30:00Z", "02:30", "2024-03-31T01:00:00Z"),
        ("Europe/Berlin", "2024-03-30T23:30:00Z", "02:00", "2024-03-31T01:00:00Z"),
        ("Europe/Berlin", "2024-03-30T23:30:00Z", "03:00", "2024-03-31T01:00:00Z"),
        ("Europe/Berlin", "2024-03-30T23:30:00Z", "01:59", "2024-03-31T00:59:00Z"),
        ("Europe/Berlin", "2024-03-30T23:30:00Z", "09:00", "2024-03-31T07:00:00Z"),
        # Berlin, 27 October 2024: at the first 02:30 of two
        ("Europe/Berlin", "2024-10-26T22:30:00Z", "02:30", "2024-10-27T00:30:00Z"),
        ("Europe/Berlin", "2024-10-27T00:31:00Z", "02:30", "2024-10-27T01:30:00Z"),
        ("Europe/Berlin", "2024-10-27T01:31:00Z", "02:30", "2024-10-28T01:30:00Z"),
        # Beirut, 31 March 2024: midnight itself is skipped
        ("Asia/Beirut", "2024-03-30T21:00:00Z", "00:30", "2024-03-30T22:00:00Z"),
    ],
)
def test_m11_m12_waiting_for_a_time_that_the_clocks_skip_or_show_twice(
    zone: str, at: str, time: str, until: str
) -> None:
    found = next_time_of_day(parse_instant(at), _time(time), ZoneInfo(zone))
    assert format_instant(found) == format_instant(parse_instant(until))


@pytest.mark.parametrize(
    ("zone", "at", "days", "until"),
    [
        ("UTC", "2024-02-27T10:00:00Z", 3, "2024-03-01T10:00:00Z"),
        # 08:30 in Berlin, before and after the clocks change
        ("Europe/Berlin", "2024-03-29T07:30:00Z", 3, "2024-04-01T06:30:00Z"),
        ("Europe/Berlin", "2024-10-25T06:30:00Z", 3, "2024-10-28T07:30:00Z"),
        # 02:30 on the day that skips it, and on the day that shows it twice
        ("Europe/Berlin", "2024-03-28T01:30:00Z", 3, "2024-03-31T01:00:00Z"),
        ("Europe/Berlin", "2024-10-24T00:30:00Z", 3, "2024-10-27T00:30:00Z"),
    ],
)
def test_m13_days_are_days_of_the_calendar(zone: str, at: str, days: int, until: str) -> None:
    found = days_later(parse_instant(at), days, ZoneInfo(zone))
    assert format_instant(found) == format_instant(parse_instant(until))


def _time(shown: str) -> int:
    hours, minutes = shown.split(":")
    return int(hours) * HOUR + int(minutes) * MINUTE


@pytest.mark.parametrize(
    ("period", "zone", "at", "start"),
    [
        ("day", "UTC", "2024-02-29T23:59:59Z", "2024-02-29T00:00:00Z"),
        ("week", "UTC", "2024-03-03T23:59:59Z", "2024-02-26T00:00:00Z"),
        ("week", "UTC", "2024-03-04T00:00:00Z", "2024-03-04T00:00:00Z"),
        ("day", "Asia/Shanghai", "2024-03-01T15:59:59Z", "2024-02-29T16:00:00Z"),
        ("week", "Asia/Shanghai", "2024-03-03T16:00:00Z", "2024-03-03T16:00:00Z"),
        # a day of 23 hours and one of 25, asked in the evening
        ("day", "America/New_York", "2024-03-11T02:00:00Z", "2024-03-10T05:00:00Z"),
        ("day", "America/New_York", "2024-11-04T03:00:00Z", "2024-11-03T04:00:00Z"),
        ("week", "America/New_York", "2024-03-11T02:00:00Z", "2024-03-04T05:00:00Z"),
    ],
)
def test_days_and_weeks_begin_at_midnight_there(
    period: str, zone: str, at: str, start: str
) -> None:
    found = period_start("day" if period == "day" else "week", parse_instant(at), ZoneInfo(zone))
    assert format_instant(found) == start
