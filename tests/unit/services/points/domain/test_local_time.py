"""The local calendar, to the day and the hour, and months later."""

from datetime import date

import pytest

from services.points.domain.local_time import LocalTime, Moment, plus_months
from shared.clock import DAY, HOUR, MINUTE, parse_instant


def test_days_count_from_the_first_of_1970_a_thursday() -> None:
    utc = LocalTime("UTC")
    assert utc.moment(0) == Moment(day=0, month=1, weekday=4, hour=0)
    assert utc.moment(3 * DAY + 5 * HOUR) == Moment(day=3, month=1, weekday=7, hour=5)
    assert utc.moment(-1) == Moment(day=-1, month=12, weekday=3, hour=23)
    assert utc.date(31 * DAY) == date(1970, 2, 1)


def test_the_day_begins_at_local_midnight_and_not_before() -> None:
    kathmandu = LocalTime("Asia/Kathmandu")  # 5:45 before UTC
    midnight = parse_instant("2024-03-14T18:15:00Z")
    assert kathmandu.moment(midnight) == Moment(day=19_797, month=3, weekday=5, hour=0)
    assert kathmandu.moment(midnight - 1) == Moment(day=19_796, month=3, weekday=4, hour=23)
    assert kathmandu.moment(midnight + 15 * MINUTE - 1).day == 19_797
    # asked again, the answer is the same
    assert kathmandu.date(midnight) == date(2024, 3, 15)
    assert kathmandu.date(midnight - 1) == date(2024, 3, 14)


def test_however_many_quarters_of_an_hour_were_asked_for_the_answer_stays_right() -> None:
    utc = LocalTime("UTC")
    days = {utc.moment(i * 15 * MINUTE).day for i in range(9_000)}
    assert days == set(range(94))
    assert utc.moment(0).day == 0


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2024-01-15", 1, "2024-02-15"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-01-31", 3, "2024-04-30"),
        ("2024-01-29", 1, "2024-02-29"),
        ("2024-12-31", 12, "2025-12-31"),
        ("2024-11-30", 1, "2024-12-30"),
        ("2024-11-30", 2, "2025-01-30"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-03-31", 0, "2024-03-31"),
    ],
)
def test_the_same_day_months_later_or_the_last_of_that_month(
    day: str, months: int, later: str
) -> None:
    assert plus_months(date.fromisoformat(day), months) == date.fromisoformat(later)
