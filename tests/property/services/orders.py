"""Orders the slow way: what each order is after everything that was told of it.

A second way to the same answer, for the models of the services; it knows nothing of
`shared.orders`, keeps lists, and works each order out anew from the events that are about it.

- An order is named by store and id. The same again counts once; anything else under its name is not
  counted, but parts and changes are.
- A refund is of the order at its store, else of the only one with that id; it counts once, in the
  order's currency, never for more than is left. Lines and tenders that it names go first, the rest
  in proportion (running sums, rounded down).
- Who buys again under the name of an order that came back in full has a new order.
- An interaction that is taken back, by whomever and however often, never was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.events import Event, event_key, types
from shared.events.facts import PurchaseChanged, PurchaseCompleted

Line = tuple[str, str, int]


@dataclass
class Order:
    """An order as it is now: what opened it, what it is without refunds, and what is left."""

    event: Event
    parts: list[PurchaseCompleted]
    whole: PurchaseChanged | None = None
    refunds: list[Event] = field(default_factory=list)
    undone: set[str] = field(default_factory=set)
    total: int = 0
    lines: list[Line] = field(default_factory=list)
    tenders: list[tuple[str, int]] = field(default_factory=list)

    @property
    def name(self) -> tuple[str, str | None]:
        """What the order is called."""
        return self.event.data.order_id, self.event.data.store_id

    def may_have(self, part: PurchaseCompleted) -> bool:
        """Whether this is a further part of it."""
        names = [_part(each) for each in self.parts]
        new = _part(part) is not None and _part(part) not in names
        return new and None not in names and self.whole is None

    @property
    def bought(self) -> int:
        """What was paid before anything came back."""
        return sum(part.total for part in ([self.whole] if self.whole else self.parts))

    def work_out(self) -> None:
        """Put together what was bought, and take every refund off."""
        parts: Sequence[PurchaseChanged] = [self.whole] if self.whole else self.parts
        self.total = self.bought
        self.lines = [line for part in parts for line in _spread(part)]
        self.tenders = [(t.kind, t.amount) for part in parts for t in part.tenders or ()]
        for refund in self.refunds:
            if refund.data.refund_id not in self.undone:
                self._pay_back(refund)

    def _pay_back(self, refund: Event) -> None:
        before, left = self.total, max(0, self.total - refund.data.amount)
        self.total = left
        if self.lines:
            for gone in refund.data.lines or ():
                self._take(gone.sku or "", gone.category or "", gone.amount)
            there = sum(line[2] for line in self.lines)
            if there > left:
                shares = _shares([line[2] for line in self.lines], there, left)
                self.lines = [
                    (sku, category, share)
                    for (sku, category, _), share in zip(self.lines, shares, strict=True)
                ]
            elif there < left:
                self.lines.append(("", "", left - there))
            self.lines = [line for line in self.lines if line[2]]
        if self.tenders:
            self._tender(before, left, refund)

    def _tender(self, before: int, left: int, refund: Event) -> None:
        named = 0
        for gone in getattr(refund.data, "tenders", None) or ():
            back = gone.amount
            for i, (kind, there) in enumerate(self.tenders):
                taken = min(there, back) if kind == gone.kind else 0
                self.tenders[i] = (kind, there - taken)
                back, named = back - taken, named + taken
        if before - named > left:
            shares = _shares([amount for _, amount in self.tenders], before - named, left)
            self.tenders = [
                (kind, share) for (kind, _), share in zip(self.tenders, shares, strict=True)
            ]

    def _take(self, sku: str, category: str, amount: int) -> None:
        for i, (its, of, there) in enumerate(self.lines):
            same = its == sku if sku else (category and of == category)
            if same and there * amount > 0:
                taken = min(abs(there), abs(amount)) * (1 if amount > 0 else -1)
                self.lines[i] = (its, of, there - taken)
                amount -= taken


def taken_back(told: Sequence[Event]) -> set[bytes]:
    """The keys of the interactions that some events take back."""
    return {_withdrawn(event) for event in told if event.type == types.INTERACTION_WITHDRAWN}


def _withdrawn(event: Event) -> bytes:
    return event_key(event.data.source or event.source, event.data.id)


def is_interaction(event: Event) -> bool:
    """Whether somebody did something other than buying."""
    return event.type == types.INTERACTION_RECORDED


def orders_of(
    told: Sequence[Event], counts: Callable[[Event], bool] = is_interaction
) -> tuple[list[Order], list[tuple[str, str]]]:
    """The orders after some events in order of time, and why what did not count: (id, why).

    `counts`: whether an event is an interaction that anybody looks at.
    """
    desk = _Desk(counts)
    for event in told:
        desk.hear(event)
    return desk.orders, desk.remarks


class _Desk:
    """Hears one event after the other."""

    def __init__(self, counts: Callable[[Event], bool]) -> None:
        self.orders: list[Order] = []
        self._counts = counts
        self._did: set[bytes] = set()
        self._taken_back: set[bytes] = set()
        self.remarks: list[tuple[str, str]] = []
        self._waiting: list[Event] = []
        self._undone_early: set[tuple[str, str]] = set()

    def hear(self, event: Event) -> None:
        if event.type in (types.PURCHASE_COMPLETED, types.PURCHASE_CHANGED):
            self._buy(event, whole=event.type == types.PURCHASE_CHANGED)
        elif event.type == types.PURCHASE_REFUNDED:
            self._pay_back(event)
        elif event.type == types.PURCHASE_REFUND_REVERSED:
            self._undo(event)
        elif event.type == types.INTERACTION_WITHDRAWN:
            self._take_back(event)
        elif self._counts(event):
            self._did.add(event.key)
            if event.key in self._taken_back:
                self._say(event, "withdrawn_early")

    def _take_back(self, event: Event) -> None:
        key = _withdrawn(event)
        if key in self._taken_back:
            self._say(event, "withdrawn_before")
        elif key not in self._did:
            self._say(event, "withdrawal_waits")
        self._taken_back.add(key)

    def _say(self, event: Event, why: str) -> None:
        self.remarks.append((event.id, why))

    def _buy(self, event: Event, *, whole: bool) -> None:
        data = event.data
        name = data.order_id, data.store_id
        mine = [each for each in self.orders if each.name == name]
        known = mine[-1] if mine else None
        back = known is not None and known.total == 0 < known.bought
        if back and not data.total:
            self._say(event, "nothing_paid")
        elif known is None or (back and not whole):
            self._open(event, whole=whole)
        elif data.currency != known.event.data.currency:
            self._say(event, "order_differs")
        elif whole:
            known.whole = data
            known.work_out()
        elif known.may_have(data):
            known.parts.append(data)
            known.work_out()
        else:
            like = [each for each in known.parts if _part(each) == _part(data)]
            other = [*like, known.whole or known.event.data][0]
            same = _said(data) in (_said(other), _said(known.event.data))
            self._say(event, "order_counted_before" if same else "order_differs")

    def _open(self, event: Event, *, whole: bool) -> None:
        order = Order(event, [] if whole else [event.data], event.data if whole else None)
        order.work_out()
        self.orders.append(order)
        if not order.total:
            self._say(event, "nothing_paid")
        for refund in [w for w in self._waiting if w.data.order_id == event.data.order_id]:
            self._waiting.remove(refund)
            self._take_off(order, refund)

    def _pay_back(self, refund: Event) -> None:
        if (refund.data.order_id, refund.data.refund_id) in self._undone_early:
            self._say(refund, "refund_reversed_before")
            return
        order = _of(self.orders, refund)
        if order is None:
            self._waiting.append(refund)
            self._say(refund, "refund_waits_for_order")
        else:
            self._take_off(order, refund)

    def _take_off(self, order: Order, refund: Event) -> None:
        if _counted(order, refund):
            self._say(refund, "refund_counted_before")
        elif refund.data.currency != order.event.data.currency:
            self._say(refund, "refund_in_another_currency")
        else:
            if refund.data.amount > order.total:
                self._say(refund, "refund_exceeds_order")
            order.refunds.append(refund)
            order.work_out()

    def _undo(self, event: Event) -> None:
        refund = event.data.refund_id
        for order in self.orders:
            if order.event.data.order_id == event.data.order_id:
                if refund in order.undone:
                    self._say(event, "reversal_counted_before")
                    return
                if refund in [each.data.refund_id for each in order.refunds]:
                    if order is not [each for each in self.orders if each.name == order.name][-1]:
                        self._say(event, "bought_again_since")
                        return
                    order.undone.add(refund)
                    order.work_out()
                    return
        order_id = event.data.order_id
        self._waiting = [
            each
            for each in self._waiting
            if (each.data.order_id, each.data.refund_id) != (order_id, refund)
        ]
        self._undone_early.add((order_id, refund))
        self._say(event, "reversal_before_refund")


def _of(orders: Sequence[Order], refund: Event) -> Order | None:
    """The order that a refund is of; None where it counted before, or there is none yet."""
    named = [order for order in orders if order.event.data.order_id == refund.data.order_id]
    here = [order for order in named if order.event.data.store_id == refund.data.store_id]
    if not here and len({order.event.data.store_id for order in named}) == 1:
        here = named
    if any(_counted(order, refund) for order in here):
        return next(order for order in here if _counted(order, refund))
    return here[-1] if here else None


def _counted(order: Order, refund: Event) -> bool:
    return (order.event.data.order_id, refund.data.refund_id) in [
        (refund.data.order_id, each.data.refund_id) for each in order.refunds
    ]


def _part(data: PurchaseCompleted) -> str | None:
    return None if data.part is None else data.part.id


def _said(data: PurchaseChanged) -> object:
    lines = [(line.sku, line.quantity, line.amount) for line in data.lines or ()]
    tenders = [(tender.kind, tender.amount) for tender in data.tenders or ()]
    return data.currency, data.total, lines, tenders


def _spread(data: PurchaseChanged) -> list[Line]:
    lines = [(line.sku or "", line.category or "", line.amount) for line in data.lines or ()]
    there = sum(line[2] for line in lines)
    if there == data.total or not lines:
        return lines
    if there <= 0:
        return [*lines, ("", "", data.total - there)]
    shares = _shares([line[2] for line in lines], there, data.total)
    return [(sku, category, share) for (sku, category, _), share in zip(lines, shares, strict=True)]


def _shares(amounts: Sequence[int], whole: int, target: int) -> list[int]:
    """Shares of a smaller or larger whole: running sums, rounded down."""
    sums = [sum(amounts[: i + 1]) * target // whole for i in range(len(amounts))]
    return [after - before for after, before in zip(sums, [0, *sums], strict=False)]
