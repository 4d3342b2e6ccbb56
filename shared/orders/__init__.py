"""Orders: what facts say of them, what is left of each, and histories folded accordingly."""

from shared.orders.book import COUNTS_FROM, Book, Order, Remark, Verdict
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
from shared.orders.reading import digest_of, lines_of, tenders_of
from shared.orders.reports import Bought, Moved, PaidBack, Report, Reversed

__all__ = [
    "COUNTS_FROM",
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
    "digest_of",
    "fold_history",
    "happen",
    "lines_of",
    "spread",
    "tenders_of",
    "without",
]
