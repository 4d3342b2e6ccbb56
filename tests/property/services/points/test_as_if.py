"""As if it had never been: an order after its refund, an interaction after its withdrawal."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.points.domain.lots import lots_of
from shared.clock import HOUR, Instant
from shared.events import Event
from tests.property.services.points.books import Books
from tests.property.services.points.points_history import (
    NOON,
    bought,
    did,
    fold,
    machine_of,
    refunded,
    undone,
    withdrawn,
    without_adjustments,
)
from tests.property.services.points.strategies import documents, histories

_times = st.integers(0, 60).map(lambda hours: NOON + hours * HOUR)
_amounts = st.integers(1, 3000)


@st.composite
def another(draw: st.DrawFn) -> tuple[list[Event], Instant]:
    """One more order, in parts, changed, refunded and reversed, that comes back in full."""
    at = draw(_times)
    told = [bought("x1", "x", draw(_amounts), at, part="1")]
    if draw(st.booleans()):
        told.append(bought("x2", "x", draw(_amounts), at + draw(st.integers(0, HOUR)), part="2"))
    if draw(st.booleans()):
        told.append(bought("x3", "x", draw(_amounts), at + 2 * HOUR, whole=True))
    if draw(st.booleans()):
        told.append(refunded("x4", "x", draw(_amounts), at + 3 * HOUR, refund="part"))
        if draw(st.booleans()):
            told.append(undone("x5", "x", "part", at + 4 * HOUR))
    back = at + draw(st.integers(5, 40)) * HOUR + 1
    return [*told, refunded("x6", "x", 10**9, back, refund="whole")], back


@given(documents, histories, another())
@settings(max_examples=300, deadline=None)
def test_history_with_an_order_and_its_whole_refund_is_the_history_from_then_on(
    program: dict[str, Any], events: list[Event], order: tuple[list[Event], Instant]
) -> None:
    machine, (told, back) = machine_of(program), order
    events = without_adjustments(events)
    with_it, without = fold(machine, *events, *told), fold(machine, *events)
    assert with_it.state == without.state
    after = [(m.at, m.event_id, m.rule, m.points) for m in with_it.moves if m.at > back]
    assert after == [(m.at, m.event_id, m.rule, m.points) for m in without.moves if m.at > back]
    assert _left(with_it.moves) == _left(without.moves)
    for move in with_it.moves:
        if move.at == back and move.event_id == "x6":
            assert move.points, "every difference names the refund"


@st.composite
def reply(draw: st.DrawFn) -> tuple[list[Event], Instant]:
    """One more interaction, and that it is taken back: early or late, once or twice."""
    at = draw(_times)
    gaps = draw(
        st.lists(st.sampled_from([-HOUR, -1, 0, 1, HOUR, 30 * HOUR]), min_size=1, max_size=2)
    )
    kind = draw(st.sampled_from(["check_in", "share", "unheard_of"]))
    told = [did("x", kind, at, likes=9)]
    told += [withdrawn(f"x{i}", "x", at + gap) for i, gap in enumerate(gaps)]
    return told, max(at, min(each.at for each in told[1:]))


@given(documents, histories, reply(), st.permutations(range(17)))
@settings(max_examples=300, deadline=None)
def test_p26_history_with_an_interaction_and_its_withdrawal_is_the_history_from_then_on(
    program: dict[str, Any],
    events: list[Event],
    reply: tuple[list[Event], Instant],
    order: list[int],
) -> None:
    machine, (told, back) = machine_of(program), reply
    events = without_adjustments(events)
    with_it, without = fold(machine, *events, *told), fold(machine, *events)
    awaited = set(with_it.state.awaited) - set(without.state.awaited)
    assert awaited == (set() if machine.remember(told[0]) else {told[0].key})
    assert replace(with_it.state, awaited=()) == replace(without.state, awaited=())
    after = [(m.at, m.event_id, m.rule, m.points) for m in with_it.moves if m.at > back]
    assert after == [(m.at, m.event_id, m.rule, m.points) for m in without.moves if m.at > back]
    assert _left(with_it.moves) == _left(without.moves)

    books, shuffled = Books(machine), [*events, *told]
    for i in order:
        books.take(shuffled[i : i + 1])
        books.check()
    assert books.state == with_it.state
    assert {key: lot.remaining for key, lot in books.lots.items() if lot.remaining} == _left(
        without.moves
    )


@given(documents, histories, _times, _amounts, _amounts)
@settings(max_examples=200, deadline=None)
def test_what_is_left_earns_as_if_no_more_had_been_bought(
    program: dict[str, Any], events: list[Event], at: Instant, kept: int, gone: int
) -> None:
    machine = machine_of(program)
    more = [bought("x1", "x", kept + gone, at), refunded("x2", "x", gone, NOON + 99 * HOUR)]
    less = bought("x1", "x", kept, at)
    events = without_adjustments(events)
    one, other = fold(machine, *events, *more), fold(machine, *events, less)
    assert one.state == other.state
    assert _left(one.moves) == _left(other.moves)


def _left(moves: list[Any]) -> dict[Any, int]:
    return {key: lot.remaining for key, lot in lots_of(moves).items() if lot.remaining}
