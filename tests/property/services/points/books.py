"""A runtime and a ledger in memory: batches in, states folded on or anew, transfers posted."""

from collections.abc import Sequence

import msgspec

from services.points.domain.facts import AnyFact
from services.points.domain.ledger import Effect, Move, State
from services.points.domain.lots import Lot, LotKey, lots_of
from services.points.domain.machine import PointsMachine
from services.points.domain.posting import (
    ADJUSTED,
    AVAILABLE,
    ISSUED,
    Posted,
    Slot,
    Transfer,
    post_difference,
    post_new,
)
from shared.clock import Instant
from shared.events import Event
from tests.property.services.points.points_history import MEMBER, sorted_facts

Order = tuple[Instant, int, bytes]


class Books:
    """One member's books. `take` is one batch, with what the runtime promises and no more."""

    def __init__(self, machine: PointsMachine) -> None:
        self._machine = machine
        self._facts: dict[Order, AnyFact] = {}
        self._as_of: Order | None = None
        self.state = State()
        self.transfers: list[Transfer] = []
        self.lots: dict[LotKey, Lot] = {}
        self.rebuilds = 0

    def take(self, batch: Sequence[Event]) -> None:
        news = [
            (order, fact)
            for order, fact in sorted_facts(self._machine, batch)
            if order not in self._facts
        ]
        self._facts.update(news)
        if not news:
            return
        moves = self._folded_on(news)
        if moves is None:
            self.rebuilds += 1
            self._settle_again(self._folded_anew(), news[-1][1].id)
        else:
            before = self.state.available - sum(move.points for move in moves)
            self.transfers += post_new(MEMBER.bytes, moves, before)
            self.lots |= lots_of(moves)
        self.state = _stored(self.state)

    def _folded_on(self, news: list[tuple[Order, AnyFact]]) -> list[Move] | None:
        state = self._machine.initial(MEMBER) if self._as_of is None else _stored(self.state)
        effects: list[Effect] = []
        for order, fact in news:
            late = self._as_of is not None and order < self._as_of
            if late or self._machine.needs_history(state, order[0], fact):
                return None
            self._machine.apply(state, order[0], fact, effects)
        self.state, self._as_of = state, news[-1][0]
        return [effect for effect in effects if isinstance(effect, Move)]

    def _folded_anew(self) -> list[Move]:
        effects: list[Effect] = []
        self.state = self._machine.initial(MEMBER)
        for order in sorted(self._facts):
            self._machine.apply(self.state, order[0], self._facts[order], effects)
            self._as_of = order
        return [effect for effect in effects if isinstance(effect, Move)]

    def _settle_again(self, moves: list[Move], cause: str) -> None:
        self.transfers += post_difference(MEMBER.bytes, moves, self.posted(), cause)
        self.lots = lots_of(moves)

    def posted(self) -> dict[Slot, Posted]:
        posted: dict[Slot, Posted] = {}
        for each in self.transfers:
            slot = Slot(each.event_key, each.rule, each.event_at, each.store_id)
            known = posted.get(slot)
            posted[slot] = Posted(
                each.event_id,
                each.signed + (known.points if known else 0),
                1 + (known.transfers if known else 0),
                each.program_version,
                each.funder,
                each.order_id,
            )
        return posted

    def net(self) -> dict[Slot, int]:
        """Points by event, rule, time and store: what must not depend on how events came."""
        return {slot: entry.points for slot, entry in self.posted().items() if entry.points}

    def check(self) -> None:
        """The invariants that hold after every batch."""
        balances = {ISSUED: 0, ADJUSTED: 0, AVAILABLE: 0}
        for each in self.transfers:
            assert each.points > 0
            balances[each.debit] -= each.points
            balances[each.credit] += each.points
            if each is self.transfers[-1]:
                assert each.balance_after == self.state.available
        assert sum(balances.values()) == 0
        assert balances[AVAILABLE] == self.state.available
        assert -balances[ISSUED] == self.state.lifetime
        assert all(0 <= lot.remaining <= lot.granted for lot in self.lots.values())
        assert sum(lot.remaining for lot in self.lots.values()) == max(0, self.state.available)
        assert len({each.id for each in self.transfers}) == len(self.transfers)


def _stored(state: State) -> State:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)
