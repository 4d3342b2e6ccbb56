"""One member's orders: reports in, in order of time; out comes what each order is.

- Whoever reports an order, under however many event ids, it is that order. What is said again
  counts once; other content under the same name is not counted, and said (`order_differs`).
- A part adds to its order; a change says what all of it is now.
- A refund counts once, in the order's currency, and takes no more than is left. It may be told
  before its order, and waits for it. It can be reversed, once, also before it is told.
- What comes back without its receipt is an order of its own, of less than nothing.
- At most one of its name stands: a refund of an order that was bought again since stays.
- A purchase that comes after its order was taken back in full opens the order again, and so does
  one after the order was moved to somebody else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from shared.orders.content import Content, together, without
from shared.orders.reports import Bought, Moved, OrderReport, PaidBack, Reversed

COUNTS_FROM: Final = 1
"""An order of which less is left, in minor units, is none."""


def counts(content: Content) -> bool:
    """Whether it is an order: something was paid, or came back without its receipt."""
    return content.total >= COUNTS_FROM or content.total < 0


@dataclass(slots=True)
class Order:
    """An order as it stands.

    Attributes:
        scope, order_id, currency: of all its reports.
        first: the report that opened it.
        again: whether it had been bought before, and all of it taken back.
        place: where in the history that stands.
        parts: by their names.
        whole: what the last change said.
        refunds: those that count, by their ids, in order of time.
        reversed: ids of refunds that were undone.
        moved: it is somebody else's.
        left: what is left of it.
    """

    scope: str
    order_id: str
    currency: str
    first: Bought
    place: int
    parts: dict[str, Bought] = field(default_factory=dict)
    whole: Bought | None = None
    refunds: dict[str, PaidBack] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)
    again: bool = False
    moved: bool = False
    left: Content = Content(0)  # noqa: RUF009 - immutable

    @property
    def content(self) -> Content:
        """All that was bought."""
        if self.whole is not None:
            return self.whole.content
        return together(part.content for part in self.parts.values())

    @property
    def is_taken_back(self) -> bool:
        """Whether something was bought, and all of it came back."""
        return self.left.total <= 0 < self.content.total

    def settle(self) -> None:
        """Work out what is left."""
        left = Content(0) if self.moved else self.content
        for refund in self.refunds.values():
            if refund.refund_id not in self.reversed:
                left = without(left, refund.amount, refund.lines, refund.tenders)
        self.left = left


class Remark(NamedTuple):
    """Why what a fact says did not count, or not as it says."""

    fact: Any
    code: str
    figures: dict[str, Any]


class Opens(NamedTuple):
    """The report opens an order."""

    order: Order
    remarks: tuple[Remark, ...] = ()


class Amends(NamedTuple):
    """The report makes an order another one than it was."""

    order: Order
    remarks: tuple[Remark, ...] = ()


class Nothing(NamedTuple):
    """The report changes nothing, and why."""

    remarks: tuple[Remark, ...] = ()


Verdict = Opens | Amends | Nothing


class Book:
    """The orders of a member whose history is folded from its beginning."""

    def __init__(self) -> None:
        """Begin with none."""
        self._orders: dict[str, list[Order]] = {}
        self._waiting: dict[str, list[PaidBack]] = {}
        self._reversed_early: dict[str, list[Reversed]] = {}

    def take(self, report: OrderReport, place: int) -> Verdict:
        """Take what is said next of any order; `place` is where it stands in the history."""
        match report:
            case Bought():
                return self._bought(report, place)
            case PaidBack():
                return self._paid_back(report)
            case Reversed():
                return self._reversed(report)
            case Moved():
                return self._moved(report)

    def _bought(self, report: Bought, place: int) -> Verdict:
        order = self._find(report.order_id, report.scope, sure=True)
        if order is not None and order.is_taken_back and not counts(report.content):
            return Nothing((nothing_paid(report, report.content),))
        if order is None or (order.is_taken_back and not report.whole):
            return self._open(report, place, again=order is not None)
        if not _same(report.currency, order.currency):
            return _nothing(report, "order_differs", counted_by=order.first.id)
        if report.whole:
            order.whole = report
            return _amend(order)
        known = order.parts.get(report.part)
        if known is None and order.whole is None and report.part and "" not in order.parts:
            order.parts[report.part] = report
            return _amend(order)
        known = known or order.whole or order.first
        same = not known.digest or report.digest in (known.digest, order.first.digest)
        code = "order_counted_before" if same else "order_differs"
        return _nothing(report, code, counted_by=known.id)

    def _open(self, report: Bought, place: int, *, again: bool) -> Verdict:
        order = Order(report.scope, report.order_id, report.currency, report, place, again=again)
        if report.whole:
            order.whole = report
        else:
            order.parts[report.part] = report
        order.settle()
        self._orders.setdefault(report.order_id, []).append(order)
        remarks: list[Remark] = []
        if not counts(order.content):
            remarks.append(nothing_paid(report, order.content))
        waiting = self._waiting.pop(report.order_id, [])
        for refund in waiting:
            if refund.sure and refund.scope != report.scope:
                self._waiting.setdefault(report.order_id, []).append(refund)
            else:
                remarks += _take_off(order, refund)
        return Opens(order, tuple(remarks))

    def _paid_back(self, report: PaidBack) -> Verdict:
        order = self._find(report.order_id, report.scope, sure=report.sure)
        if any(_undoes(each, report) for each in self._reversed_early.get(report.order_id, ())):
            return _nothing(report, "refund_reversed_before")
        for known in self._all(report.order_id, order):
            if report.refund_id in known.refunds:
                return _nothing(report, "refund_counted_before")
        if order is None:
            self._waiting.setdefault(report.order_id, []).append(report)
            return _nothing(report, "refund_waits_for_order", amount=report.amount)
        before = order.left
        remarks = tuple(_take_off(order, report))
        return Nothing(remarks) if order.left == before else Amends(order, remarks)

    def _reversed(self, report: Reversed) -> Verdict:
        for order in self._orders.get(report.order_id, ()):
            if report.sure and order.scope != report.scope:
                continue
            if report.refund_id in order.reversed:
                return _nothing(report, "reversal_counted_before")
            if report.refund_id in order.refunds:
                if order is not self._find(order.order_id, order.scope, sure=True):
                    return _nothing(report, "bought_again_since")
                order.reversed.add(report.refund_id)
                return _amend(order)
        waiting = self._waiting.get(report.order_id, [])
        self._waiting[report.order_id] = [each for each in waiting if not _undoes(report, each)]
        self._reversed_early.setdefault(report.order_id, []).append(report)
        return _nothing(report, "reversal_before_refund")

    def _moved(self, report: Moved) -> Verdict:
        order = self._find(report.order_id, report.scope, sure=True)
        if order is None or order.moved != report.here:
            return Nothing()
        order.moved = not report.here
        return _amend(order)

    def _find(self, order_id: str, scope: str, *, sure: bool) -> Order | None:
        """The order of that name: of its scope, else the only one that is called so."""
        orders: Sequence[Order] = self._orders.get(order_id, ())
        mine = [order for order in orders if order.scope == scope]
        if mine:
            return mine[-1]
        if sure or len({order.scope for order in orders}) != 1:
            return None
        return orders[-1]

    def _all(self, order_id: str, like: Order | None) -> Iterator[Order]:
        """An order and what it was before it was opened again."""
        for order in self._orders.get(order_id, ()):
            if like is not None and order.scope == like.scope:
                yield order


def nothing_paid(report: Bought, content: Content) -> Remark:
    """Why a purchase is no order."""
    return _remark(report, "nothing_paid", total=content.total)


def _take_off(order: Order, refund: PaidBack) -> list[Remark]:
    """Let a refund count for an order, if it does."""
    if refund.refund_id in order.refunds:
        return [_remark(refund, "refund_counted_before")]
    if not _same(refund.currency, order.currency):
        paid = {"paid": order.currency, "refunded": refund.currency}
        return [_remark(refund, "refund_in_another_currency", **paid)]
    left = order.left.total
    order.refunds[refund.refund_id] = refund
    order.settle()
    if refund.amount > left:
        return [_remark(refund, "refund_exceeds_order", amount=refund.amount, left=left)]
    return []


def _undoes(reversal: Reversed, refund: PaidBack) -> bool:
    """Whether a refund that belongs to no order yet is the one that is undone."""
    elsewhere = reversal.sure and refund.sure and reversal.scope != refund.scope
    return reversal.refund_id == refund.refund_id and not elsewhere


def _same(one: str, other: str) -> bool:
    """Whether two currencies are the same; of facts of old, none is known."""
    return one == other or not one or not other


def _amend(order: Order) -> Verdict:
    before = order.left
    order.settle()
    return Nothing() if order.left == before else Amends(order)


def _nothing(report: OrderReport, code: str, **figures: Any) -> Verdict:
    return Nothing((_remark(report, code, **figures),))


def _remark(report: OrderReport, code: str, **figures: Any) -> Remark:
    named = {"refund_id": report.refund_id} if isinstance(report, PaidBack | Reversed) else {}
    return Remark(report.fact, code, {"order_id": report.order_id} | named | figures)
