"""Referral over two members' histories, whatever is late, doubled, refunded or told anew."""

from collections.abc import Sequence
from random import Random
from uuid import UUID

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.clock import DAY, HOUR, MINUTE, Instant
from shared.events import Event, types
from shared.events.facts import PurchaseChanged
from tests.property.services.orders import orders_of
from tests.property.services.points.books import Books
from tests.property.services.points.model import Account
from tests.property.services.points.points_history import (
    MEMBER,
    NOON,
    bought,
    document,
    fold,
    joined,
    machine_of,
    refunded,
)
from tests.property.services.points.strategies import histories
from tests.property.services.points.test_ledger import batches

ANN = UUID("01890000-0000-7000-8000-00000000000a")
BOB = UUID("01890000-0000-7000-8000-00000000000b")
REFERRAL = {"id": "referral", "source": "referral", "points": 50}
PURCHASE = {"id": "purchase", "source": "purchase", "points": 1, "per_amount": 100}
VERSIONS = [document(PURCHASE, REFERRAL), document(PURCHASE, REFERRAL | {"points": 70})]

_senders = st.sampled_from([ANN, ANN, BOB, None])


@st.composite
def _sent(draw: st.DrawFn) -> Event:
    """Something that says who sent the newcomer, or not; several of one instant are common."""
    id_, at = f"s{draw(st.integers(0, 20))}", NOON + draw(st.integers(0, 3)) * HOUR
    order = draw(st.sampled_from(["o1", "o4"]))
    match draw(st.integers(0, 2)):
        case 0:
            return joined(id_, None, at, referrer=draw(_senders))
        case 1:
            return refunded(id_, order, draw(st.integers(0, 4000)), at, refund=id_)
        case _:
            return bought(id_, order, draw(st.integers(0, 2000)), at, referrer=draw(_senders))


newcomers = st.tuples(histories | st.just([]), st.lists(_sent(), max_size=6)).map(
    lambda both: list({event.key: event for event in both[0] + both[1]}.values())
)


class Town:
    """A newcomer and two members who may have sent them; what one says of another is mail."""

    def __init__(self) -> None:
        machine = machine_of(*VERSIONS)
        self.books = {member: Books(machine, member) for member in (MEMBER, ANN, BOB)}

    def live(self, days: dict[UUID, list[Event]], seed: int) -> None:
        """Everybody's events in any order and batches, mail between them, doubled and late."""
        chance = Random(seed)
        waiting = [
            (member, batch) for member, events in days.items() for batch in batches(events, seed)
        ]
        sent = 0
        while waiting:
            chance.shuffle(waiting)
            member, batch = waiting.pop()
            self.books[member].take(batch)
            self.books[member].check()
            mail = self.books[MEMBER].mail[sent:]
            sent += len(mail)
            for each in mail:
                letters = [each] * chance.randint(1, 2)
                waiting += [(UUID(each.subject), [letter]) for letter in letters]


def awarded(history: Sequence[Event]) -> dict[UUID, int]:
    """The slow way: who is owed what in the end, as if no order had been that is none any more.

    Whoever was named first, no later than the moment of the first order, has the points of that
    moment.
    """
    told = sorted({each.key: each for each in history}.values(), key=_order)
    standing = {order.event.key: order.event for order in orders_of(told)[0] if order.total > 0}
    named = [
        (each.at, who)
        for each in told
        if (who := _sender(each)) is not None
        and (each.type != types.PURCHASE_COMPLETED or each.key in standing)
    ]
    if not named or not standing:
        return {}
    first = min(standing.values(), key=_order)
    at, who = named[0]
    return {who: 50 if first.at < NOON + HOUR else 70} if at <= first.at else {}


def _order(event: Event) -> tuple[Instant, bool, bytes]:
    return event.at, event.type == "regulars.tier.changed.v1", event.key


def _sender(event: Event) -> UUID | None:
    told = getattr(event.data, "referrer", None)
    attribution = getattr(event.data, "attribution", None)
    told = told or (attribution and attribution.referrer)
    return UUID(told.removeprefix("member:")) if told else None


@given(newcomers, histories, st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
@example([bought("p", "o1", 100, referrer=BOB), joined("s", None, referrer=ANN)], [], 0)
@example([bought("p", "o1", 100), joined("s", None, NOON, referrer=ANN)], [], 0)
@example([bought("p", "o1", 100), joined("s", None, NOON + MINUTE, referrer=ANN)], [], 0)
def test_in_any_order_whoever_sent_a_buyer_has_what_the_model_says(
    newcomer: list[Event], own: list[Event], seed: int
) -> None:
    town = Town()
    days = {MEMBER: newcomer, ANN: [msgspec.structs.replace(e, subject=str(ANN)) for e in own]}
    town.live(days, seed)
    due = awarded(newcomer)
    for member, events in ((ANN, own), (BOB, [])):
        account = Account([(0, VERSIONS[0]), (NOON + HOUR, VERSIONS[1])], events)
        state = town.books[member].state
        assert state.available == account.balance + due.get(member, 0)
        assert state.lifetime == account.earned + due.get(member, 0)


@given(newcomers, st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_another_order_of_arrival_leaves_the_same_books(newcomer: list[Event], seed: int) -> None:
    first, second = Town(), Town()
    first.live({MEMBER: newcomer}, seed)
    second.books[MEMBER].take(newcomer)
    for letter in second.books[MEMBER].mail:
        second.books[UUID(letter.subject)].take([letter])
    for member in (ANN, BOB):
        assert first.books[member].net() == second.books[member].net()
        assert _remaining(first.books[member]) == _remaining(second.books[member])


@given(newcomers, st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_a_newcomer_who_gives_everything_back_was_never_sent(
    newcomer: list[Event], seed: int
) -> None:
    orders = {
        (each.data.order_id, each.data.currency): 10**9
        for each in newcomer
        if isinstance(each.data, PurchaseChanged)
    }
    back = [
        refunded(f"b{i}", order, total, NOON + 9 * DAY, currency=currency)
        for i, ((order, currency), total) in enumerate(orders.items())
    ]
    town = Town()
    town.live({MEMBER: newcomer + back}, seed)
    for member in (ANN, BOB):
        assert town.books[member].state.available == town.books[member].state.lifetime == 0
        assert not _remaining(town.books[member])


@given(newcomers)
@settings(max_examples=100, deadline=None)
def test_a_newcomers_own_books_do_not_know_who_sent_them(newcomer: list[Event]) -> None:
    machine, without = machine_of(*VERSIONS), machine_of(document(PURCHASE))
    assert fold(machine, *newcomer).points == fold(without, *newcomer).points


def _remaining(books: Books) -> dict[object, int]:
    return {key: lot.remaining for key, lot in books.lots.items() if lot.remaining}
