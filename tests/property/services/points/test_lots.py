"""Spending takes the soonest expiry first and never more than is there."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.points.domain.lots import InsufficientPoints, Lot, LotKey, expiries, spend

days = st.none() | st.dates(date(2024, 1, 1), date(2024, 1, 9))


@st.composite
def lots(draw: st.DrawFn) -> list[Lot]:
    drawn = draw(st.lists(st.tuples(days, st.integers(0, 3), st.integers(0, 50)), max_size=6))
    return [
        Lot(LotKey(bytes([i]), "rule"), at, left + 5, left, day)
        for i, (day, at, left) in enumerate(drawn)
    ]


@given(lots(), st.integers(0, 320))
def test_spends_exactly_from_the_soonest(held: list[Lot], points: int) -> None:
    if points > sum(lot.remaining for lot in held):
        with pytest.raises(InsufficientPoints):
            spend(held, points)
        return
    taken = dict(spend(held, points))
    assert sum(taken.values()) == points
    assert all(0 < part <= lot.remaining for lot, part in taken.items())
    untouched = [lot for lot in held if lot.remaining > taken.get(lot, 0)]
    for lot in taken:
        for other in untouched:
            assert (lot.expires_on or date.max) <= (other.expires_on or date.max)


@given(lots())
def test_every_deadline_is_shown_and_they_sum_to_the_balance(held: list[Lot]) -> None:
    """FloCafe #62: only the first expiry date was shown."""
    shown = expiries(held)
    assert sum(points for _, points in shown) == sum(lot.remaining for lot in held)
    assert {day for day, _ in shown} == {lot.expires_on for lot in held if lot.remaining}
    ends = [day or date.max for day, _ in shown]
    assert ends == sorted(ends)
