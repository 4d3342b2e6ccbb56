"""Orders and what is taken back: what facts say of them, and histories folded accordingly."""

from shared.orders.book import Book, Order, Remark, Verdict, counts
from shared.orders.content import Content, Line, Tender, spread, without
from shared.orders.fold import (
    Amendment,
    Awaiting,
    Dated,
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
from shared.orders.reports import (
    Bought,
    Moved,
    OrderReport,
    PaidBack,
    Report,
    Reversed,
    Withdrawn,
)

__all__ = [
    "Amendment",
    "Awaiting",
    "Book",
    "Bought",
    "Content",
    "Dated",
    "Folded",
    "Line",
    "Moved",
    "Order",
    "OrderReport",
    "OrdersMachine",
    "PaidBack",
    "Remark",
    "Report",
    "Reversed",
    "Tender",
    "Verdict",
    "Withdrawn",
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
