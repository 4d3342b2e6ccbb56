"""Orders: what facts say of them, what is left of each, and histories folded accordingly."""

from shared.orders.book import Book, Order, Remark, Verdict, counts
from shared.orders.content import Content, Line, Tender, spread, without
from shared.orders.fold import (
    Amendment,
    Folded,
    OrdersMachine,
    WithoutOrders,
    advance,
    fold_history,
    happen,
)
from shared.orders.reading import (
    back,
    digest_of,
    digest_of_return,
    lines_of,
    returned_as,
    tenders_of,
)
from shared.orders.reports import Bought, Moved, PaidBack, Report, Reversed

__all__ = [
    "Amendment",
    "Book",
    "Bought",
    "Content",
    "Folded",
    "Line",
    "Moved",
    "Order",
    "OrdersMachine",
    "PaidBack",
    "Remark",
    "Report",
    "Reversed",
    "Tender",
    "Verdict",
    "WithoutOrders",
    "advance",
    "back",
    "counts",
    "digest_of",
    "digest_of_return",
    "fold_history",
    "happen",
    "lines_of",
    "returned_as",
    "spread",
    "tenders_of",
    "without",
]
