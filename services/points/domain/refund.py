"""Refunds take back exactly what the order would not have earned.

An order is rated again with what is left of it, by the same version, member and headroom of caps as
at the time of the purchase; the difference goes back. When nothing is left, all of it goes back, as
if it had never been bought.
"""

from dataclasses import dataclass, field

import msgspec

from services.points.domain.earning import Earning, Grant
from services.points.domain.facts import Line, Purchase, Refund
from services.points.domain.ledger import Member, State, Usage
from services.points.domain.local_time import Moment
from shared.clock import Instant


@dataclass(slots=True)
class Order:
    """An order of a life that is being told, with what its rating stood on."""

    purchase: Purchase
    at: Instant
    moment: Moment
    member: Member
    used: dict[str, Usage]
    earning: Earning
    left: Purchase
    points: dict[str, int]
    refunds: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Memory:
    """The orders of a life, and the refunds that wait for their order."""

    orders: dict[str, Order] = field(default_factory=dict)
    waiting: dict[str, list[Refund]] = field(default_factory=dict)


def begin_memory(state: State) -> None:
    """Remember orders beside a state from here on: it stands at the beginning of a life."""
    state.__dict__["memory"] = Memory()


def memory_of(state: State) -> Memory | None:
    """The orders of this life; None once the state was stored, for they are not stored with it."""
    return state.__dict__.get("memory")


def rate_again(order: Order) -> dict[str, int]:
    """Points by rule for what is left of an order; nothing when nothing is left."""
    if order.left.total <= 0:
        return {}
    grants: list[Grant] = []
    order.earning.rate(order.left, order.member, order.moment, order.used, grants)
    rules = order.earning.program.rules
    return {rules[index].id: points for index, points, _ in grants}


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
