"""The ledger's invariants, over random histories in random orders."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.points.domain.lots import lots_of
from shared.clock import DAY, HOUR
from shared.events import Event
from shared.events.facts import PurchaseChanged
from tests.property.services.points.books import Books
from tests.property.services.points.points_history import (
    NOON,
    fold,
    machine_of,
    refunded,
    without_adjustments,
)
from tests.property.services.points.strategies import documents, histories


def batches(events: list[Event], seed: int) -> list[list[Event]]:
    """The events, some of them twice, shuffled and cut anywhere."""
    chance = Random(seed)
    mixed = events + [event for event in events if chance.random() < 0.3]
    chance.shuffle(mixed)
    cut = []
    while mixed:
        size = chance.randint(1, 5)
        cut.append(mixed[:size])
        mixed = mixed[size:]
    return cut


@given(documents, histories, st.integers(0, 2**32))
@settings(max_examples=300)
def test_books_balance_after_every_batch_and_end_as_the_sorted_log(
    program: dict[str, Any], events: list[Event], seed: int
) -> None:
    machine = machine_of(program)
    books = Books(machine)
    for batch in batches(events, seed):
        books.take(batch)
        books.check()
    folded = fold(machine, *events)
    assert books.state == folded.state
    assert {key: lot for key, lot in books.lots.items() if lot.granted} == lots_of(folded.moves)
    wanted = {(move.key, move.rule, move.at, move.store_id): move.points for move in folded.moves}
    assert {tuple(slot): points for slot, points in books.net().items()} == wanted


@given(documents, histories, st.integers(0, 2**32))
@settings(max_examples=100)
def test_another_order_of_arrival_gives_the_same_books(
    program: dict[str, Any], events: list[Event], seed: int
) -> None:
    machine = machine_of(program)
    first, second = Books(machine), Books(machine)
    for batch in batches(events, seed):
        first.take(batch)
    second.take(events)
    assert first.net() == second.net()
    assert first.lots == second.lots


@given(documents, histories)
@settings(max_examples=200)
def test_refunding_everything_is_never_having_bought(
    program: dict[str, Any], events: list[Event]
) -> None:
    machine, events = machine_of(program), without_adjustments(events)
    orders = {(e.data.order_id, e.data.currency) for e in events if _is_order(e)}
    whole = [
        refunded(f"whole-{order}", order, 10**9, NOON + 3 * DAY + i * HOUR, currency=currency)
        for i, (order, currency) in enumerate(sorted(orders))
    ]
    folded = fold(machine, *events, *whole)
    never = fold(machine, *(event for event in events if not _is_order(event)))
    assert folded.state.available == never.state.available
    assert folded.state.lifetime == never.state.lifetime
    left = {key: lot for key, lot in lots_of(folded.moves).items() if lot.remaining}
    assert left == {key: lot for key, lot in lots_of(never.moves).items() if lot.remaining}


@given(documents, histories)
def test_a_stored_state_tells_on_as_one_that_was_never_stored(
    program: dict[str, Any], events: list[Event]
) -> None:
    """Batches of one, in order: every state goes through the database."""
    machine = machine_of(program)
    books = Books(machine)
    for event in sorted(events, key=lambda event: event.at):
        books.take([event])
    assert books.state == fold(machine, *events).state


def _is_order(event: Event) -> bool:
    return isinstance(event.data, PurchaseChanged)  # what a purchase is, too
