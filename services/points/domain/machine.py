"""A member's history as points folds it: what is earned, and by whom it was decided.

The runtime keeps the state and brings the facts in order, each order with what is left of it
(`shared.orders`). A folded history therefore depends on the facts alone, not on how or when they
came.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Protocol, cast
from uuid import UUID

import msgspec

from services.points.domain import reading
from services.points.domain.earning import Earning, Grant
from services.points.domain.facts import (
    CLEARED,
    Action,
    Adjustment,
    Amending,
    AnyFact,
    OrderMoved,
    Person,
    Purchase,
    Referral,
    Refund,
    Reversal,
    Tier,
    Withdrawal,
    report_of,
)
from services.points.domain.ledger import ADJUSTMENT, CHAIN, Effect, Member, Move, Remark, State
from services.points.domain.local_time import Moment
from services.points.domain.referral import (
    become_buyer,
    greatest,
    receive,
    sent_by,
    settle_awards,
)
from services.points.domain.versions import Kept
from shared import orders
from shared.clock import Instant
from shared.events import Event
from shared.orders import Amendment, Dated, Order, Report

_KEY_BYTES: Final = 16
_encode: Final = msgspec.json.Encoder().encode


class Programs(Protocol):
    """The versions of the program by time."""

    def at(self, instant: Instant, /) -> Earning:
        """The version in force at an instant."""
        ...

    def numbered(self, number: int, /) -> Earning | None:
        """A version by its number, if it is known."""
        ...

    def kept(self, instant: Instant, /) -> Kept:
        """What must be kept of a fact of an instant."""
        ...


class PointsMachine:
    """Rates purchases, interactions and tasks; takes back what is refunded."""

    state_type = State
    fact_type: Any = AnyFact

    def __init__(self, programs: Programs) -> None:
        """Take the versions to judge by."""
        self._programs = programs

    def initial(self, member_id: UUID) -> State:  # noqa: ARG002 - every history begins alike
        """Nothing known, nothing owned."""
        return State()

    def remember(self, event: Event) -> AnyFact | None:
        """What points keeps of an event; None: it is not its concern."""
        return reading.read(event, self._programs)

    def supersedes(self, fact: AnyFact) -> str | None:
        """The earlier decision that a tier correction withdraws."""
        return fact.supersedes if type(fact) is Tier else None

    def needs_history(self, state: State, at: Instant, fact: AnyFact) -> bool:  # noqa: ARG002
        """Whether the lots must be at hand: points are taken, or come to somebody who owes some.

        What is told from elsewhere may have been told before.
        """
        kind = type(fact)
        if kind is Adjustment:
            return cast("Adjustment", fact).points < 0 or state.available < 0
        if kind is Purchase and cast("Purchase", fact).is_return:
            return True
        return kind is Referral or (state.available < 0 and (kind is Purchase or kind is Action))

    def report(self, fact: AnyFact) -> Report | None:
        """What a fact says of an order, or takes back."""
        return report_of(fact)

    def may_be_withdrawn(self, fact: AnyFact) -> bool:
        """Whether a fact is an interaction or task."""
        return type(fact) is Action

    def as_it_stands(self, fact: AnyFact, order: Order) -> AnyFact:
        """A purchase as if what is left had been bought."""
        left = order.left
        return msgspec.structs.replace(
            fact, total=left.total, lines=left.lines, tenders=left.tenders
        )

    def standing(self, facts: Sequence[Dated[AnyFact]]) -> Sequence[Dated[AnyFact]]:
        """Of what was told of an effect from elsewhere, only the greatest revision counts."""
        return greatest(facts)

    def apply(self, state: State, at: Instant, fact: AnyFact, effects: list[Effect]) -> None:
        """Tell one fact."""
        # the commonest first, by exact type: this runs for every event
        kind = type(fact)
        if kind is Purchase:
            self._purchase(state, at, cast("Purchase", fact), effects)
        elif kind is Action:
            self._action(state, at, cast("Action", fact), effects)
        elif kind is Tier:
            tier = cast("Tier", fact).tier
            if tier is not None:
                state.member = Member(state.member.birthday_month, tier)
        elif kind is Adjustment:
            self._adjustment(state, at, cast("Adjustment", fact), effects)
        elif kind is Referral:
            self._referral(state, at, cast("Referral", fact), effects)
        elif kind is Person:
            self._person(state, at, cast("Person", fact), effects)
        # a refund, or its reversal, does nothing by itself: its order is another one now

    def remark(
        self,
        state: State,  # noqa: ARG002 - of the protocol
        at: Instant,
        remark: orders.Remark,
        effects: list[Effect],
    ) -> None:
        """Note why a fact moved nothing, or less."""
        fact: Amending | Action = remark.fact
        effects.append(Remark(fact.id, fact.key, at, remark.code, _encode(remark.figures)))

    def settle(
        self,
        before: State,
        now: State,
        at: Instant,
        amendment: Amendment[AnyFact, Effect],
        effects: list[Effect],
    ) -> None:
        """The past is another one now: give and take what is different, also for other facts.

        Points come back from the lots that they came into.
        """
        fact = cast("Amending", amendment.fact)
        had, has = _sums(amendment.was), _sums(amendment.would)
        for lot in [*had, *(lot for lot in has if lot not in had)]:
            was = had[lot][1] if lot in had else 0
            like, is_ = has[lot] if lot in has else (had[lot][0], 0)
            if was != is_:
                effects.append(_difference(at, amendment, like, (was, is_)))
        settle_awards(before, now, at, fact, effects)

    def due(self, state: State) -> Instant | None:  # noqa: ARG002 - of the protocol
        """Nothing happens by itself: running out of points is a later capability."""
        return None

    def fire(self, state: State, effects: list[Effect]) -> None:  # noqa: ARG002 - of the protocol
        """Never called, for nothing is ever due."""
        raise AssertionError("points has no timers")

    def _purchase(self, state: State, at: Instant, fact: Purchase, effects: list[Effect]) -> None:
        earning = self._programs.at(at)
        moment = earning.time.moment(at)
        grants: list[Grant] = []
        if fact.is_return and earning.program.unlinked_returns == "ignore":
            effects.append(
                Remark(fact.id, fact.key, at, "return_ignored", _encode({"amount": -fact.total}))
            )
            return
        earning.rate(fact, state.member, moment, _usage(state, moment), grants)
        if grants:
            _grant(state, at, fact, earning, grants, effects)
        if fact.is_return:
            return
        if fact.referrer:
            sent_by(state, at, fact.referrer, earning, effects)
        if state.first is None:
            become_buyer(state, at, fact, earning, effects)

    def _action(self, state: State, at: Instant, fact: Action, effects: list[Effect]) -> None:
        earning = self._programs.at(at)
        moment = earning.time.moment(at)
        grants: list[Grant] = []
        earning.rate(fact, state.member, moment, _usage(state, moment), grants)
        if grants:
            _grant(state, at, fact, earning, grants, effects)

    def _adjustment(
        self, state: State, at: Instant, fact: Adjustment, effects: list[Effect]
    ) -> None:
        earning = self._programs.at(at)
        state.available += fact.points
        effects.append(
            Move(
                event_id=fact.id,
                key=fact.key,
                at=at,
                code="adjust",
                rule=ADJUSTMENT,
                version=earning.number,
                points=fact.points,
                lot=fact.key,
                store_id=fact.store_id or "",
                funder=CHAIN,
                order_id=None,
                expires_on=earning.expires_on(at) if fact.points > 0 else None,
                figures=_encode({"reason": fact.reason, "by": fact.by}),
            )
        )

    def _referral(self, state: State, at: Instant, fact: Referral, effects: list[Effect]) -> None:
        decided_by = self._programs.numbered(fact.version)
        move = receive(state, at, fact, self._programs.at(at), decided_by)
        if move is not None:
            effects.append(move)

    def _person(self, state: State, at: Instant, fact: Person, effects: list[Effect]) -> None:
        if fact.birthday_month:
            month = 0 if fact.birthday_month == CLEARED else fact.birthday_month
            state.member = Member(month, state.member.tier)
        if fact.referrer:
            sent_by(state, at, fact.referrer, self._programs.at(at), effects)


def _usage(state: State, moment: Moment) -> dict[str, tuple[int, int]]:
    """What capped rules gave on the local day of the moment."""
    if state.day != moment.day:
        state.day = moment.day
        if state.used:
            state.used = {}
    return state.used


def _grant(
    state: State,
    at: Instant,
    fact: Purchase | Action,
    earning: Earning,
    grants: list[Grant],
    effects: list[Effect],
) -> None:
    order_id = fact.order_id if isinstance(fact, Purchase) and not fact.is_return else None
    expires_on = earning.expires_on(at)
    for index, points, figures in grants:
        rule = earning.program.rules[index]
        state.available += points
        state.lifetime += points
        if earning.capped[index] and points > 0:
            given, times = state.used.get(rule.id, (0, 0))
            state.used[rule.id] = (given + points, times + 1)
        effects.append(
            Move(  # by position: this runs for every grant, and names cost half of it
                fact.id,
                fact.key,
                at,
                "earn" if points > 0 else "clawback",
                rule.id,
                earning.number,
                points,
                fact.key,
                fact.store_id or "",
                rule.funder,
                order_id,
                expires_on if points > 0 else None,
                _encode(figures),
            )
        )


class _Lot(NamedTuple):
    """Where points belong: the event that they came with, and the rule that gave them."""

    key: bytes
    rule: str


def _sums(effects: Iterable[Effect]) -> dict[_Lot, tuple[Move, int]]:
    """What each lot came to, with the move that it came by."""
    sums: dict[_Lot, tuple[Move, int]] = {}
    for each in effects:
        if type(each) is Move:
            lot = _Lot(each.lot, each.rule)
            first, points = sums.get(lot, (each, 0))
            sums[lot] = first, points + each.points
    return sums


def _difference(
    at: Instant, amendment: Amendment[AnyFact, Effect], like: Move, points: tuple[int, int]
) -> Move:
    """What an amendment gives or takes of one lot.

    The lot of another event, which earns otherwise now, has a move with a name of its own.
    """
    had, has = points
    fact = cast("Amending", amendment.fact)
    own = like.lot == amendment.of.key
    figures = {**_said(fact, amendment.order), "had": had, "has": has}
    if not own:
        figures["of"] = like.order_id or like.event_id
    return Move(
        event_id=fact.id,
        key=fact.key if own else blake2b(fact.key + like.lot, digest_size=_KEY_BYTES).digest(),
        at=at,
        code="earn" if has > had else "clawback",
        rule=like.rule,
        version=like.version,
        points=has - had,
        lot=like.lot,
        store_id=like.store_id,
        funder=like.funder,
        order_id=like.order_id,
        expires_on=like.expires_on,
        figures=_encode(figures),
    )


def _said(fact: Amending, order: Order | None) -> dict[str, Any]:
    """What an amendment says: of an order, and what is left of that, or what it takes back."""
    if order is None:
        return {"withdrawn": cast("Withdrawal", fact).interaction_id}
    told: dict[str, Any] = {"order_id": order.order_id}
    match fact:
        case Refund():
            told |= {"refund_id": fact.refund_id, "refunded": fact.amount}
        case Reversal():
            told |= {"refund_id": fact.refund_id, "reversed": True}
        case Purchase():
            told |= {"changed": fact.total} if fact.whole else {"part": fact.part}
        case OrderMoved():
            told["moved"] = "here" if fact.here else "away"
        case Withdrawal():
            pass  # it is of no order
    return {**told, "total": order.content.total, "left": order.left.total}
