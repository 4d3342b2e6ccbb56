"""Instants: conversion, offsets, edges."""

import pytest

from shared.clock import DAY, ManualClock, WallClock, format_instant, parse_instant, to_datetime


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("2024-02-29T23:59:59.999999+08:00", "2024-02-29T15:59:59.999999Z"),
        ("2017-01-01T11:53:26Z", "2017-01-01T11:53:26Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000Z"),
    ],
)
def test_text_goes_round(text: str, written: str) -> None:
    at = parse_instant(text)
    assert format_instant(at) == written
    assert parse_instant(written) == at


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        parse_instant("2017-01-01T11:53:26")


def test_microseconds_survive_far_from_the_epoch() -> None:
    assert parse_instant("9999-12-31T23:59:59.999999Z") % 1_000_000 == 999_999
    assert to_datetime(0).year == 1970


def test_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(5)
    clock.advance(DAY)
    assert clock.now() == 5 + DAY
    clock.set(1)
    assert clock.now() == 1


def test_wall_clock_does_not_stand_still() -> None:
    clock = WallClock()
    assert clock.now() > parse_instant("2024-01-01T00:00:00Z")
