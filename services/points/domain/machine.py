"""A member's history as points folds it: a pure fold over the sorted facts.

The runtime keeps the state and brings the facts in order; what comes late, and every refund, is
folded anew from the beginning (`needs_history`), so that the fold knows the orders. A folded
history therefore depends on the facts alone, not on how or when they came.
"""

from typing import Any, Final, Protocol, cast
from uuid import UUID
from zlib import crc32

import msgspec

from services.points.domain import reading
from services.points.domain.earning import Earning, Grant
from services.points.domain.facts import (
    Action,
    Adjustment,
    AnyFact,
    Person,
    Purchase,
    Referral,
    Refund,
    Tier,
)
from services.points.domain.ledger import ADJUSTMENT, CHAIN, Effect, Member, Move, Remark, State
from services.points.domain.local_time import Moment
from services.points.domain.referral import (
    become_buyer,
    cease_to_be_buyer,
    joined_at_the_till,
    sent_by,
    settle,
)
from services.points.domain.refund import Memory, Order, begin_memory, memory_of, take_off
from shared.clock import Instant
from shared.events import Event

_NOTHING: Final[dict[str, Any]] = {}
_encode: Final = msgspec.json.Encoder().encode


class Programs(Protocol):
    """The versions of the program by time."""

    def at(self, instant: Instant, /) -> Earning:
        """The version in force at an instant."""
        ...


class PointsMachine:
    """Rates purchases, interactions and tasks; takes back what is refunded."""

    state_type = State
    fact_type: Any = AnyFact

    def __init__(self, programs: Programs) -> None:
        """Take the versions to judge by."""
        self._programs = programs

    def initial(self, member_id: UUID) -> State:  # noqa: ARG002 - every history begins alike
        """Nothing known, nothing owned. From here on the orders are remembered beside the state."""
        state = State()
        begin_memory(state)
        return state

    def remember(self, event: Event) -> AnyFact | None:
        """What points keeps of an event; None: it is not its concern."""
        return reading.read(event, self._programs)

    def supersedes(self, fact: AnyFact) -> str | None:
        """The earlier decision that a tier correction withdraws."""
        return fact.supersedes if type(fact) is Tier else None

    def needs_history(self, state: State, at: Instant, fact: AnyFact) -> bool:
        """Whether this history's orders or lots must be at hand.

        Orders: for a refund, an order that was maybe seen before, one of somebody of whose orders
        none stands (or was counted when it was stored), and the one at whose till they joined.
        Lots: where points are taken from them, or come to somebody who owes some. What was told
        before: for what comes from elsewhere.
        """
        kind = type(fact)
        if kind is Purchase:
            order_id = cast("Purchase", fact).order_id
            return (
                order_id in state.waiting
                or _fingerprint(order_id) in state.orders
                or state.available < 0
                or (bool(state.orders) and state.standing == 0)
                or joined_at_the_till(state, at, cast("Purchase", fact).referrer)
            )
        if kind is Adjustment:
            return cast("Adjustment", fact).points < 0 or state.available < 0
        if kind is Person:
            return joined_at_the_till(state, at, cast("Person", fact).referrer)
        return kind is Refund or kind is Referral or (kind is Action and state.available < 0)

    def apply(self, state: State, at: Instant, fact: AnyFact, effects: list[Effect]) -> None:
        """Tell one fact."""
        # the commonest first, by exact type: this runs for every event
        kind = type(fact)
        if kind is Purchase:
            self._purchase(state, at, cast("Purchase", fact), effects)
        elif kind is Action:
            self._action(state, at, cast("Action", fact), effects)
        elif kind is Refund:
            self._refund(state, at, cast("Refund", fact), effects)
        elif kind is Tier:
            tier = cast("Tier", fact).tier
            if tier is not None:
                state.member = Member(state.member.birthday_month, tier)
        elif kind is Adjustment:
            self._adjustment(state, at, cast("Adjustment", fact), effects)
        elif kind is Referral:
            self._referral(state, at, cast("Referral", fact), effects)
        else:
            _person(state, at, cast("Person", fact), effects)

    def due(self, state: State) -> Instant | None:  # noqa: ARG002 - of the protocol
        """Nothing happens by itself: running out of points is a later capability."""
        return None

    def fire(self, state: State, effects: list[Effect]) -> None:  # noqa: ARG002 - of the protocol
        """Never called, for nothing is ever due."""
        raise AssertionError("points has no timers")

    def _purchase(self, state: State, at: Instant, fact: Purchase, effects: list[Effect]) -> None:
        memory = memory_of(state)
        if memory is not None and (first := memory.orders.get(fact.order_id)) is not None:
            figures = {"order_id": fact.order_id, "counted_by": first.purchase.id}
            effects.append(_remark(fact, at, "order_counted_before", figures))
            return
        state.orders += _fingerprint(fact.order_id)
        earning = self._programs.at(at)
        moment = earning.time.moment(at)
        before = _usage(state, moment)
        grants: list[Grant] = []
        earning.rate(fact, state.member, moment, before, grants)
        if memory is not None:
            used = dict(before) if earning.caps_purchases else before
            memory.orders[fact.order_id] = Order(
                fact, at, moment, state.member, used, earning, grants, fact
            )
        if grants:
            _grant(state, at, fact, earning, grants, effects)
        if fact.referrer:
            sent_by(state, at, fact.referrer, effects)
        was_buyer = state.standing > 0
        if fact.total > 0:
            state.standing += 1
        if memory is not None and fact.order_id in memory.waiting:
            self._catch_up(state, at, memory, fact.order_id, effects)
        if state.standing and not was_buyer:
            become_buyer(state, at, fact, earning, effects)

    def _action(self, state: State, at: Instant, fact: Action, effects: list[Effect]) -> None:
        earning = self._programs.at(at)
        moment = earning.time.moment(at)
        grants: list[Grant] = []
        earning.rate(fact, state.member, moment, _usage(state, moment), grants)
        if grants:
            _grant(state, at, fact, earning, grants, effects)

    def _refund(self, state: State, at: Instant, fact: Refund, effects: list[Effect]) -> None:
        memory = memory_of(state)
        if memory is None:
            raise AssertionError("a refund is folded with the history at hand")
        order = memory.orders.get(fact.order_id)
        if order is not None:
            _take_back(state, at, order, fact, effects)
            return
        memory.waiting.setdefault(fact.order_id, []).append(fact)
        state.waiting = tuple(sorted(memory.waiting))
        figures = {"order_id": fact.order_id, "amount": fact.amount}
        effects.append(_remark(fact, at, "refund_waits_for_order", figures))

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
        memory = memory_of(state)
        if memory is None:
            raise AssertionError("what comes from elsewhere is folded with the history at hand")
        gone, move = settle(state, at, fact, self._programs.at(at), memory)
        if gone is not None:
            effects.remove(gone)
        if move is not None:
            effects.append(move)

    def _catch_up(
        self, state: State, at: Instant, memory: Memory, order_id: str, effects: list[Effect]
    ) -> None:
        for refund in memory.waiting.pop(order_id):
            _take_back(state, at, memory.orders[order_id], refund, effects)
        state.waiting = tuple(sorted(memory.waiting))


def _person(state: State, at: Instant, fact: Person, effects: list[Effect]) -> None:
    if fact.birthday_month:
        state.member = Member(fact.birthday_month, state.member.tier)
    if fact.referrer:
        sent_by(state, at, fact.referrer, effects)


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
    order_id = fact.order_id if isinstance(fact, Purchase) else None
    expires_on = earning.expires_on(at)
    for index, points, figures in grants:
        rule = earning.program.rules[index]
        state.available += points
        state.lifetime += points
        if earning.capped[index]:
            given, times = state.used.get(rule.id, (0, 0))
            state.used[rule.id] = (given + points, times + 1)
        effects.append(
            Move(  # by position: this runs for every grant, and names cost half of it
                fact.id,
                fact.key,
                at,
                "earn",
                rule.id,
                earning.number,
                points,
                fact.key,
                fact.store_id or "",
                rule.funder,
                order_id,
                expires_on,
                _encode(figures),
            )
        )


def _take_back(
    state: State,
    at: Instant,
    order: Order,
    refund: Refund,
    effects: list[Effect],
) -> None:
    refused = _refused(order, refund)
    if refused:
        figures = {"order_id": refund.order_id, "refund_id": refund.refund_id} | refused[1]
        effects.append(_remark(refund, at, refused[0], figures))
        return
    left = order.left.total
    if refund.amount > left:
        figures = {"order_id": refund.order_id, "amount": refund.amount, "left": left}
        effects.append(_remark(refund, at, "refund_exceeds_order", figures))
    before = order.points()
    take_off(order, refund)
    after = order.points()
    for index, rule in enumerate(order.earning.program.rules):
        had, has = before.get(rule.id, 0), after.get(rule.id, 0)
        if had == has:
            continue
        state.available += has - had
        state.lifetime += has - had
        if order.earning.capped[index]:
            _release(state, order, rule.id, had, has)
        effects.append(_clawback(at, order, refund, rule.id, rule.funder, (had, has)))
    if left > 0 and order.left.total == 0:
        state.standing -= 1
        if state.standing == 0:
            effects += cease_to_be_buyer(state, at, refund)


def _refused(order: Order, refund: Refund) -> tuple[str, dict[str, Any]] | None:
    if order.is_refunded_by(refund.refund_id):
        return "refund_counted_before", _NOTHING
    if refund.currency != order.purchase.currency:
        paid = {"paid": order.purchase.currency, "refunded": refund.currency}
        return "refund_in_another_currency", paid
    return None


def _release(state: State, order: Order, rule: str, had: int, has: int) -> None:
    """Give the day its headroom back, while it is still that day."""
    if state.day != order.moment.day:
        return
    given, times = state.used.pop(rule, (0, 0))
    usage = (given + has - had, times + (has > 0) - (had > 0))
    if usage != (0, 0):
        state.used[rule] = usage


def _clawback(
    at: Instant, order: Order, refund: Refund, rule: str, funder: str, points: tuple[int, int]
) -> Move:
    had, has = points
    figures = {
        "refund_id": refund.refund_id,
        "refunded": refund.amount,
        "total": order.purchase.total,
        "left": order.left.total,
        "had": had,
        "has": has,
    }
    return Move(
        event_id=refund.id,
        key=refund.key,
        at=at,
        code="clawback",
        rule=rule,
        version=order.earning.number,
        points=has - had,
        lot=order.purchase.key,
        store_id=order.purchase.store_id,
        funder=funder,
        order_id=refund.order_id,
        expires_on=order.earning.expires_on(order.at),
        figures=_encode(figures),
    )


def _remark(fact: Purchase | Refund, at: Instant, code: str, figures: dict[str, Any]) -> Remark:
    return Remark(fact.id, fact.key, at, code, _encode(figures))


def _fingerprint(order_id: str) -> bytes:
    return crc32(order_id.encode()).to_bytes(4, "big")
