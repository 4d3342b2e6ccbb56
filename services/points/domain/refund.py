"""Refunds take back exactly what the order would not have earned.

An order is rated again with what is left of it, by the same version, member and headroom of caps as
at the time of the purchase; the difference goes back. When nothing is left, all of it goes back, as
if it had never been bought.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from services.points.domain.earning import Earning, Grant
from services.points.domain.facts import Line, Purchase, Refund
from services.points.domain.ledger import Member, Move, State, Usage
from services.points.domain.local_time import Moment
from shared.clock import Instant


class Order(msgspec.Struct):
    """An order of a history that is being folded, with what its rating stood on.

    Made for every order and needed for few, so what only a refund asks for is made when it asks.
    """

    purchase: Purchase
    at: Instant
    moment: Moment
    member: Member
    used: dict[str, Usage]
    earning: Earning
    grants: list[Grant]
    left: Purchase
    refunds: set[str] | None = None

    def points(self) -> dict[str, int]:
        """What the order has earned so far, by rule."""
        rules = self.earning.program.rules
        return {rules[index].id: points for index, points, _ in self.grants}

    def is_refunded_by(self, refund_id: str) -> bool:
        """Whether this refund was taken into account."""
        return self.refunds is not None and refund_id in self.refunds


class Told(NamedTuple):
    """The greatest revision of an effect from elsewhere, and what it moved; None: nothing."""

    revision: int
    move: Move | None


@dataclass(slots=True)
class Memory:
    """What a history that is being folded remembers.

    Attributes:
        orders: by their ids.
        waiting: refunds that wait for their order.
        first: the order that made the member a buyer.
        told: effects from elsewhere, by their ids.
    """

    orders: dict[str, Order] = field(default_factory=dict)
    waiting: dict[str, list[Refund]] = field(default_factory=dict)
    first: Order | None = None
    told: dict[bytes, Told] = field(default_factory=dict)


def begin_memory(state: State) -> None:
    """Remember orders beside a state from here on: it stands at the beginning of a history."""
    state.__dict__["memory"] = Memory()


def memory_of(state: State) -> Memory | None:
    """The orders of this history; None once the state was stored: they are not stored."""
    return state.__dict__.get("memory")


def take_off(order: Order, refund: Refund) -> None:
    """Make an order smaller by a refund and rate what is left; nothing left earns nothing."""
    order.refunds = (order.refunds or set()) | {refund.refund_id}
    order.left = reduce(order.left, refund)
    order.grants = []
    if order.left.total > 0:
        order.earning.rate(order.left, order.member, order.moment, order.used, order.grants)


def reduce(left: Purchase, refund: Refund) -> Purchase:
    """What is left of an order after a refund, never less than nothing.

    A refund that names its lines takes from those; one that does not takes from all in proportion.
    """
    total = max(0, left.total - refund.amount)
    lines = left.lines
    if lines and refund.lines:
        lines = _without(lines, refund.lines)
    elif lines and left.total:
        lines = tuple(
            (sku, category, amount * total // left.total) for sku, category, amount in lines
        )
    return msgspec.structs.replace(left, total=total, lines=lines)


def _without(lines: tuple[Line, ...], gone: tuple[Line, ...]) -> tuple[Line, ...]:
    back: dict[str, int] = {}
    for sku, _, amount in gone:
        back[sku] = back.get(sku, 0) + amount
    kept = []
    for sku, category, amount in lines:
        taken = min(amount, back.get(sku, 0))
        if taken:
            back[sku] -= taken
        if amount > taken:
            kept.append((sku, category, amount - taken))
    return tuple(kept)
