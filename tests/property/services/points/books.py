"""A runtime and a ledger in memory: batches in, states folded on or anew, transfers posted."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from services.points.domain.facts import AnyFact
from services.points.domain.ledger import Award, Effect, Move, State
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
from services.points.domain.referral import AwardId, Said, changes, rewarded
from shared.clock import Instant
from shared.events import Event, types
from shared.orders import Bought, Dated, Withdrawn, counts, fold_history
from tests.property.services.points.points_history import MEMBER, NOON, event, sorted_facts

Order = tuple[Instant, int, bytes]


class Books:
    """One member's books. `take` is one batch, with what the runtime promises and no more.

    `said` are the awards told of others, `mail` what is still to be brought to them.
    """

    def __init__(self, machine: PointsMachine, member: UUID = MEMBER) -> None:
        self._machine = machine
        self._member = member
        self.said: dict[AwardId, Said] = {}
        self.mail: list[Event] = []
        self._facts: dict[Order, AnyFact] = {}
        self._as_of: Order | None = None
        self._told_of: set[str] = set()
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
        effects = self._folded_on(news)
        if effects is None:
            self.rebuilds += 1
            effects = self._folded_anew()
            self._settle_again(_moves(effects), news[-1][1].id)
            self._tell(effects, self.said)
        else:
            moves = _moves(effects)
            before = self.state.available - sum(move.points for move in moves)
            self.transfers += post_new(self._member.bytes, moves, before)
            self.lots |= lots_of(moves)
            self._tell(effects, {})
        self.state = _stored(self.state)

    def _folded_on(self, news: list[tuple[Order, AnyFact]]) -> list[Effect] | None:
        state = self._machine.initial(self._member) if self._as_of is None else _stored(self.state)
        effects: list[Effect] = []
        for order, fact in news:
            late = self._as_of is not None and order < self._as_of
            report = self._machine.report(fact)
            if isinstance(report, Withdrawn) or order[2] in state.awaited:
                late = True
            elif report is not None:
                new = isinstance(report, Bought) and counts(report.content)
                late = late or not new or report.order_id in self._told_of
                self._told_of.add(report.order_id)
            if late or self._machine.needs_history(state, order[0], fact):
                self._told_of |= _orders(self._machine, self._facts.values())
                return None
            self._machine.apply(state, order[0], fact, effects)
        self.state, self._as_of = state, news[-1][0]
        return effects

    def _folded_anew(self) -> list[Effect]:
        told = sorted(self._facts)
        facts = [Dated(order[0], order[2], self._facts[order]) for order in told]
        folded = fold_history(self._machine, self._member, facts, NOON)
        self.state, self._as_of = folded.state, told[-1]
        return folded.effects

    def _settle_again(self, moves: list[Move], cause: str) -> None:
        self.transfers += post_difference(self._member.bytes, moves, self.posted(), cause)
        self.lots = lots_of(moves)

    def _tell(self, effects: list[Effect], said: Mapping[AwardId, Said]) -> None:
        wanted = [(self._member, each) for each in effects if isinstance(each, Award)]
        now = max([NOON, *(told.revision for told in said.values())]) + 1
        news = changes(wanted, said, now)
        self.said |= news
        for id_, told in news.items():
            receiver, at, data = rewarded(id_, told)
            name = f"{data.effect_id}.{told.revision}"
            self.mail.append(
                event(name, types.REFERRAL_REWARDED, at, data, "points", subject=receiver)
            )

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


def _orders(machine: PointsMachine, facts: Iterable[AnyFact]) -> set[str]:
    reports = [machine.report(fact) for fact in facts]
    return {each.order_id for each in reports if each and not isinstance(each, Withdrawn)}


def _moves(effects: Sequence[Effect]) -> list[Move]:
    return [effect for effect in effects if isinstance(effect, Move)]


def _stored(state: State) -> State:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)
