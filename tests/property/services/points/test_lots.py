"""Spending takes the soonest expiry first, and what is not there is owed."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.points.domain.ledger import ADJUSTMENT, Move
from services.points.domain.lots import Lot, LotKey, expiries, lots_of
from shared.clock import Instant

days = st.none() | st.dates(date(2024, 1, 1), date(2024, 1, 9))


@st.composite
def lots(draw: st.DrawFn) -> list[Lot]:
    drawn = draw(st.lists(st.tuples(days, st.integers(0, 3), st.integers(0, 50)), max_size=6))
    return [
        Lot(LotKey(bytes([i]), "rule"), at, left + 5, left, day)
        for i, (day, at, left) in enumerate(drawn)
    ]


def move(
    number: int, points: int, *, at: Instant = 0, day: date | None = None, of: int | None = None
) -> Move:
    """Points that come in, are taken by hand, or go back because of a refund (`of` a grant)."""
    by_hand = points < 0 and of is None
    return Move(
        event_id=f"e{number}",
        key=bytes([number]),
        at=at,
        code="adjust" if by_hand else "clawback" if points < 0 else "earn",
        rule=ADJUSTMENT if by_hand else "rule",
        version=1,
        points=points,
        lot=bytes([number if of is None else of]),
        store_id="s1",
        funder="chain",
        order_id=None,
        expires_on=day,
        figures=b"{}",
    )


grants = st.lists(st.tuples(days, st.integers(0, 3), st.integers(1, 50)), max_size=6)


def _given(drawn: list[tuple[date | None, int, int]]) -> list[Move]:
    return [move(i, points, at=at, day=day) for i, (day, at, points) in enumerate(drawn)]


@given(grants, st.integers(1, 320))
def test_spends_exactly_from_the_soonest(
    drawn: list[tuple[date | None, int, int]], points: int
) -> None:
    held = lots_of(_given(drawn))
    left = lots_of([*_given(drawn), move(99, -points)])
    taken = {key: held[key].remaining - left[key].remaining for key in held}
    assert sum(taken.values()) == min(points, sum(lot.remaining for lot in held.values()))
    for key in held:
        for other in held:
            if taken[key] and left[other].remaining:  # none was passed over that ends before
                assert (held[key].expires_on or date.max) <= (held[other].expires_on or date.max)


histories = st.lists(st.tuples(days, st.integers(-40, 40).filter(bool), st.booleans()), max_size=12)


@given(histories)
def test_the_lots_sum_to_the_balance_and_to_nothing_while_points_are_owed(
    drawn: list[tuple[date | None, int, bool]],
) -> None:
    moves: list[Move] = []
    for number, (day, points, refund) in enumerate(drawn):
        grants = [each for each in moves if each.points > 0]
        of = grants[-1].key[0] if refund and grants and points < 0 else None
        moves.append(move(number, points, day=day, of=of))
        balance = sum(each.points for each in moves)
        left = lots_of(moves).values()
        assert sum(lot.remaining for lot in left) == max(0, balance)
        assert all(0 <= lot.remaining <= lot.granted for lot in left)


def test_a_refund_takes_from_the_lot_of_its_order_first() -> None:
    first, second = move(1, 10, day=date(2024, 1, 1)), move(2, 10, day=date(2024, 1, 9))
    left = lots_of([first, second, move(3, -4, of=2)])
    assert [lot.remaining for lot in left.values()] == [10, 6]


def test_what_a_refund_finds_spent_it_takes_from_the_others_and_the_rest_is_owed() -> None:
    first, second = move(1, 10, day=date(2024, 1, 1)), move(2, 10, day=date(2024, 1, 9))
    spent = [first, second, move(3, -15)]
    assert [lot.remaining for lot in lots_of(spent).values()] == [0, 5]
    owing = [*spent, move(4, -10, of=1)]
    assert [lot.remaining for lot in lots_of(owing).values()] == [0, 0]
    assert [lot.remaining for lot in lots_of([*owing, move(5, 8)]).values()] == [0, 0, 3]


@given(lots())
def test_every_deadline_is_shown_and_they_sum_to_the_balance(held: list[Lot]) -> None:
    """FloCafe #62: only the first expiry date was shown."""
    shown = expiries(held)
    assert sum(points for _, points in shown) == sum(lot.remaining for lot in held)
    assert {day for day, _ in shown} == {lot.expires_on for lot in held if lot.remaining}
    ends = [day or date.max for day, _ in shown]
    assert ends == sorted(ends)
