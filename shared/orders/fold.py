"""A member's history folded from its beginning, each order with what is left of it.

A refund, a change or a further part makes an order another one; a withdrawal makes an event none.
From then on everything is as if it had always been so: points of other orders, tags, the tier,
journeys. What was decided in between stays on record. So when such a fact is met, the history is
folded again, from before the amended fact to the one that amends it, with that as it is now;
nothing of this is posted. The machine is then asked what is different (`settle`): that is posted at
the time of the amendment, with it as the cause.

An order of which nothing is left does not happen, nor one that was paid with nothing at all; nor
what was taken back before it was told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

import msgspec
from typing_extensions import override

from shared.clock import Instant
from shared.orders.book import Amends, Book, Opens, Order, Remark, counts, nothing_paid
from shared.orders.reports import Bought, OrderReport, Report, Withdrawn
from shared.orders.withdrawals import Withdrawals


class Awaiting(Protocol):
    """What every state has: keys of events that are taken back and were not told yet.

    The fold writes it. Whoever folds a state on looks there whether a new event happens at all.
    """

    awaited: tuple[bytes, ...]


S = TypeVar("S", bound=Awaiting)
F = TypeVar("F")
E = TypeVar("E")

FIRES_MAX: Final = 100_000
_SNAPSHOT_EVERY: Final = 64


class OrdersMachine(Protocol[S, F, E]):
    """What folding asks of a service's machine; see `shared.runtime.machine` for the rest."""

    state_type: type[S]

    def initial(self, member_id: UUID) -> S:
        """The state before the first fact."""
        ...

    def report(self, fact: F) -> Report | None:
        """What a fact says of an order, or takes back; None where it does neither."""
        ...

    def may_be_withdrawn(self, fact: F) -> bool:
        """Whether a fact is of a kind that can be taken back; asked where one is named."""
        ...

    def as_it_stands(self, fact: F, order: Order) -> F:
        """The purchase that opened an order, as if what is left of it had been bought."""
        ...

    def standing(self, facts: Sequence["Dated[F]"]) -> Sequence["Dated[F]"]:
        """Of the facts of a whole history, in their order, those that count."""
        ...

    def apply(self, state: S, at: Instant, fact: F, effects: list[E]) -> None:
        """Take a fact into the state and append what it leads to."""
        ...

    def remark(self, state: S, at: Instant, remark: Remark, effects: list[E]) -> None:
        """Note why a fact did not count, or not as it says."""
        ...

    def settle(
        self, before: S, now: S, at: Instant, amendment: "Amendment[F, E]", effects: list[E]
    ) -> None:
        """A fact of the past is another one now, or none: append what is different from now on.

        Args:
            before: the state as it stood.
            now: the state had it always been so; it goes on from here.
            at: of the amendment.
            amendment: what came, and what either way led to.
            effects: of the history, to append to.
        """
        ...

    def due(self, state: S) -> Instant | None:
        """When something next happens with no further event."""
        ...

    def fire(self, state: S, effects: list[E]) -> None:
        """Let happen what is due."""
        ...


class WithoutOrders(Generic[F]):
    """The half of a machine to which no fact is about an order, nor takes another one back."""

    def report(self, fact: F) -> Report | None:  # noqa: ARG002 - of the protocol
        """Nothing."""
        return None

    def may_be_withdrawn(self, fact: F) -> bool:  # noqa: ARG002
        """Never asked."""
        return False

    def as_it_stands(self, fact: F, order: Order) -> F:  # noqa: ARG002
        """Never asked."""
        return fact

    def standing(self, facts: Sequence["Dated[F]"]) -> Sequence["Dated[F]"]:
        """All of them."""
        return facts

    def remark(self, state: Any, at: Instant, remark: Remark, effects: list[Any]) -> None:
        """Never asked."""

    def settle(
        self, before: Any, now: Any, at: Instant, amendment: Any, effects: list[Any]
    ) -> None:
        """Never asked."""


class Dated(NamedTuple, Generic[F]):
    """A fact at its instant; `key` is the identity of its event."""

    at: Instant
    key: bytes
    fact: F


class Amendment(NamedTuple, Generic[F, E]):
    """A fact that made an earlier one another one, or none.

    Attributes:
        fact: the refund, reversal, change, part or withdrawal.
        of: the earlier fact as it was told: the purchase that opened an order, or what is taken
            back.
        order: as it is now; None where the earlier fact is taken back.
        was: what was decided from that on.
        would: what would have been decided, had it always been so.
    """

    fact: F
    of: F
    order: Order | None
    was: list[E]
    would: list[E]


class Folded(NamedTuple, Generic[S, E]):
    """A history folded: all its effects, and when its last timer fired."""

    state: S
    effects: list[E]
    fired_at: Instant | None
    fires: int


@dataclass(slots=True)
class _Told(Generic[F, E]):
    """A fact as it was folded: `shown` is what the machine sees of it, None for nothing."""

    at: Instant
    fact: F
    shown: F | None
    effects: list[E]
    remarks: tuple[Remark, ...] = ()


def fold_history(
    machine: OrdersMachine[S, F, E],
    member_id: UUID,
    facts: Sequence[Dated[F]],
    until: Instant,
) -> Folded[S, E]:
    """Fold a whole history: facts in their order, timers between them and up to `until`."""
    facts = machine.standing(facts)
    reports = [machine.report(dated.fact) for dated in facts]
    if _is_plain(reports):
        fold: _Fold[S, F, E] = _Fold(machine, member_id)
    else:
        fold = _AmendedFold(machine, member_id, Withdrawals(reports))
    for dated, report in zip(facts, reports, strict=True):
        fold.tell(dated, report)
    return fold.end(until)


def happen(
    machine: OrdersMachine[S, F, E],
    state: S,
    at: Instant,
    fact: F,
    report: Report | None,
    effects: list[E],
) -> None:
    """Let a fact happen that amends nothing: a purchase of an order that was never told of, say."""
    if isinstance(report, Bought) and not counts(report.content):
        machine.remark(state, at, nothing_paid(report, report.content), effects)
    else:
        machine.apply(state, at, fact, effects)


def advance(
    machine: OrdersMachine[S, Any, E], state: S, until: Instant, effects: list[E]
) -> tuple[Instant | None, int]:
    """Fire what is due by an instant; returns when the last of it was due, and how much it was."""
    fired_at, fires = None, 0
    while (due := machine.due(state)) is not None and due <= until:
        machine.fire(state, effects)
        fired_at = due
        fires += 1
        if fires > FIRES_MAX:
            raise RuntimeError(f"a timer due at {due} fires for ever")
    return fired_at, fires


def _is_plain(reports: Sequence[Report | None]) -> bool:
    """Whether every order is told of once, whole: nothing is amended."""
    names = set()
    for report in reports:
        if report is None:
            continue
        if not isinstance(report, Bought) or report.order_id in names:
            return False
        names.add(report.order_id)
    return True


class _Fold(Generic[S, F, E]):
    """A fold that only goes on."""

    def __init__(self, machine: OrdersMachine[S, F, E], member_id: UUID) -> None:
        self._machine = machine
        self.state = machine.initial(member_id)
        self.effects: list[E] = []
        self.fired_at: Instant | None = None
        self.fires = 0

    def tell(self, dated: Dated[F], report: Report | None) -> None:
        """Let a fact happen."""
        self.advance(dated.at)
        happen(self._machine, self.state, dated.at, dated.fact, report, self.effects)

    def end(self, until: Instant) -> Folded[S, E]:
        """Let timers happen up to an instant, and tell what came of it all."""
        self.advance(until)
        return Folded(self.state, self.effects, self.fired_at, self.fires)

    def advance(self, until: Instant) -> list[E]:
        """Let timers happen; returns what they led to."""
        effects: list[E] = []
        fired_at, fires = advance(self._machine, self.state, until, effects)
        if fired_at is not None:
            self.fired_at = fired_at
        self.fires += fires
        self.effects += effects
        return effects


class _AmendedFold(_Fold[S, F, E]):
    """A fold that can go back: it keeps what it was told, and now and then the state."""

    def __init__(
        self, machine: OrdersMachine[S, F, E], member_id: UUID, withdrawals: Withdrawals
    ) -> None:
        super().__init__(machine, member_id)
        self._book = Book()
        self._withdrawals = withdrawals
        self._told: list[_Told[F, E]] = []
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(machine.state_type).decode
        self._snapshots: list[tuple[int, bytes]] = []  # the state before the fact at that place

    @override
    def tell(self, dated: Dated[F], report: Report | None) -> None:
        at, fact, place = dated.at, dated.fact, len(self._told)
        self._snapshot(place, self.state)
        told = _Told[F, E](at, fact, fact, self.advance(at))
        if report is None:
            told.remarks = self._meet(told, dated.key, place)
        elif isinstance(report, Withdrawn):
            told.remarks = self._take_back(told, report)
        else:
            told.remarks = self._hear(told, report, place)
        own: list[E] = []
        self._happen(self.state, told, own)
        self.effects += own
        told.effects = told.effects + own
        self._told.append(told)

    @override
    def end(self, until: Instant) -> Folded[S, E]:
        self.state.awaited = self._withdrawals.awaited
        return super().end(until)

    def _hear(self, told: _Told[F, E], report: OrderReport, place: int) -> tuple[Remark, ...]:
        """What is said of an order."""
        verdict = self._book.take(report, place)
        if isinstance(report, Bought):
            told.shown = None
        if isinstance(verdict, Opens):
            told.shown = _shown(self._machine, told.fact, verdict.order)
        elif isinstance(verdict, Amends):
            order = verdict.order
            opening = self._told[order.place].fact
            self._amend(told, order.place, _shown(self._machine, opening, order), order)
        return verdict.remarks

    def _meet(self, told: _Told[F, E], key: bytes, place: int) -> tuple[Remark, ...]:
        """What may be taken back later, or was taken back before."""
        if not (self._withdrawals.names(key) and self._machine.may_be_withdrawn(told.fact)):
            return ()
        before = self._withdrawals.meet(key, place)
        if before is None:
            return ()
        told.shown = None
        return (Remark(told.fact, "withdrawn_early", {"withdrawn": before.event_id}),)

    def _take_back(self, told: _Told[F, E], report: Withdrawn) -> tuple[Remark, ...]:
        """What makes an earlier fact none, and is nothing besides."""
        told.shown = None
        place, remarks = self._withdrawals.take(report)
        if place is not None:
            self._amend(told, place, None)
        return remarks

    def _amend(
        self, told: _Told[F, E], place: int, shown: F | None, order: Order | None = None
    ) -> None:
        """Fold again from a fact that is another one now, or none, and post what is different."""
        was = [effect for each in self._told[place:] for effect in each.effects]
        amended = self._told[place]
        amended.shown = shown
        now = self._again(place)
        would = [effect for each in self._told[place:] for effect in each.effects]
        began: list[E] = []
        advance(self._machine, now, told.at, began)
        amendment = Amendment(told.fact, amended.fact, order, was + told.effects, would + began)
        self._machine.settle(self.state, now, told.at, amendment, self.effects)
        self.state, told.effects = now, began

    def _again(self, place: int) -> S:
        """Fold again what was told from some place on; returns the state after all of it."""
        while self._snapshots[-1][0] > place:
            self._snapshots.pop()
        start, stored = self._snapshots[-1]
        state = self._decode(stored)
        for i in range(start, len(self._told)):
            if i > start:
                self._snapshot(i, state)
            each, effects = self._told[i], list[E]()
            advance(self._machine, state, each.at, effects)
            self._happen(state, each, effects)
            if i >= place:
                each.effects = effects
        return state

    def _happen(self, state: S, told: _Told[F, E], effects: list[E]) -> None:
        if told.shown is not None:
            self._machine.apply(state, told.at, told.shown, effects)
        for remark in told.remarks:
            self._machine.remark(state, told.at, remark, effects)

    def _snapshot(self, place: int, state: S) -> None:
        if place % _SNAPSHOT_EVERY == 0:
            self._snapshots.append((place, self._encode(state)))


def _shown(machine: OrdersMachine[S, F, E], fact: F, order: Order) -> F | None:
    """What the machine sees of the fact that opened an order: it with what is left, or nothing."""
    if not counts(order.left):
        return None
    if order.left == order.first.content and not order.again:
        return fact
    return machine.as_it_stands(fact, order)
