"""A member's history folded from its beginning, each order with what is left of it.

A refund, a change or a further part makes an order another one, and from then on everything is as
if it had only ever been that: points of other orders, tags, the tier, journeys. What was decided in
between stays on record. So when such a fact is met, the history is folded again, from before the
order to the fact, with the order as it is now; nothing of that is posted. The machine is then asked
what is different (`settle`): that is posted at the time of the fact, with it as the cause.

An order of which nothing is left does not happen, nor one that was paid with nothing at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

import msgspec
from typing_extensions import override

from shared.clock import Instant
from shared.orders.book import Amends, Book, Opens, Order, Remark, counts, nothing_paid
from shared.orders.reports import Bought, Report

S = TypeVar("S")
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
        """What a fact says of an order; None where it is about something else."""
        ...

    def as_it_stands(self, fact: F, order: Order) -> F:
        """The purchase that opened an order, as if what is left of it had been bought."""
        ...

    def standing(self, facts: Sequence[tuple[Instant, F]]) -> Sequence[tuple[Instant, F]]:
        """Of the facts of a whole history, in their order, those that count."""
        ...

    def apply(self, state: S, at: Instant, fact: F, effects: list[E]) -> None:
        """Take a fact into the state and append what it leads to."""
        ...

    def remark(self, state: S, at: Instant, remark: Remark, effects: list[E]) -> None:
        """Note why a report did not count, or not as it says."""
        ...

    def settle(
        self, before: S, now: S, at: Instant, amendment: "Amendment[F, E]", effects: list[E]
    ) -> None:
        """An order has become another one: append what is different from now on.

        Args:
            before: the state as it stood.
            now: the state had the order always been what it is now; it goes on from here.
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
    """The half of a machine to which no fact is about an order."""

    def report(self, fact: F) -> Report | None:  # noqa: ARG002 - of the protocol
        """Nothing."""
        return None

    def as_it_stands(self, fact: F, order: Order) -> F:  # noqa: ARG002
        """Never asked."""
        return fact

    def standing(self, facts: Sequence[tuple[Instant, F]]) -> Sequence[tuple[Instant, F]]:
        """All of them."""
        return facts

    def remark(self, state: Any, at: Instant, remark: Remark, effects: list[Any]) -> None:
        """Never asked."""

    def settle(
        self, before: Any, now: Any, at: Instant, amendment: Any, effects: list[Any]
    ) -> None:
        """Never asked."""


class Amendment(NamedTuple, Generic[F, E]):
    """A fact that made an order another one.

    Attributes:
        fact: the refund, reversal, change or part.
        order: as it is now.
        was: what was decided from the order on.
        would: what would have been decided, had it always been so.
    """

    fact: F
    order: Order
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


def fold_history(
    machine: OrdersMachine[S, F, E],
    member_id: UUID,
    facts: Sequence[tuple[Instant, F]],
    until: Instant,
) -> Folded[S, E]:
    """Fold a whole history: facts in their order, timers between them and up to `until`."""
    facts = machine.standing(facts)
    reports = [machine.report(fact) for _, fact in facts]
    if _is_plain(reports):
        fold: _Fold[S, F, E] = _Fold(machine, member_id)
    else:
        fold = _AmendedFold(machine, member_id)
    for (at, fact), report in zip(facts, reports, strict=True):
        fold.tell(at, fact, report)
    fold.advance(until)
    return Folded(fold.state, fold.effects, fold.fired_at, fold.fires)


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

    def tell(self, at: Instant, fact: F, report: Report | None) -> None:
        """Let a fact happen."""
        self.advance(at)
        happen(self._machine, self.state, at, fact, report, self.effects)

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

    def __init__(self, machine: OrdersMachine[S, F, E], member_id: UUID) -> None:
        super().__init__(machine, member_id)
        self._book = Book()
        self._told: list[_Told[F, E]] = []
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(machine.state_type).decode
        self._snapshots: list[tuple[int, bytes]] = []  # the state before the fact at that place

    @override
    def tell(self, at: Instant, fact: F, report: Report | None) -> None:
        place = len(self._told)
        self._snapshot(place, self.state)
        told = _Told[F, E](at, fact, fact, self.advance(at))
        remarks: tuple[Remark, ...] = ()
        if report is not None:
            verdict = self._book.take(report, place)
            remarks = verdict.remarks
            if isinstance(report, Bought):
                told.shown = None
            if isinstance(verdict, Opens):
                told.shown = _shown(self._machine, fact, verdict.order)
            elif isinstance(verdict, Amends):
                self._amend(told, verdict.order)
        own: list[E] = []
        if told.shown is not None:
            self._machine.apply(self.state, at, told.shown, own)
        for remark in remarks:
            self._machine.remark(self.state, at, remark, own)
        self.effects += own
        told.effects = told.effects + own
        self._told.append(told)

    def _amend(self, told: _Told[F, E], order: Order) -> None:
        """Fold again from before the order, and post what is different."""
        was = [effect for each in self._told[order.place :] for effect in each.effects]
        opening = self._told[order.place]
        opening.shown = _shown(self._machine, opening.fact, order)
        now = self._again(order.place)
        would = [effect for each in self._told[order.place :] for effect in each.effects]
        began: list[E] = []
        advance(self._machine, now, told.at, began)
        amendment = Amendment(told.fact, order, was + told.effects, would + began)
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
            if each.shown is not None:
                self._machine.apply(state, each.at, each.shown, effects)
            if i >= place:
                each.effects = effects
        return state

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
