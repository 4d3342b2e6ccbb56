"""What facts say of other facts: of orders, and of what is taken back, whatever service keeps them.

An order is named by its scope and its id: receipt numbers begin anew in each store, so the scope is
the store where it was bought, or "" where numbers are the chain's. `id` is that of the event,
`fact` what the service keeps of it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.orders.content import Content, Line, Tender


class Bought(NamedTuple):
    """An order was paid, or one part of it; or what it is now, as a whole (`whole`).

    `digest` is equal where what is said of the order is; "" says nothing of parts.
    """

    id: str
    fact: Any
    order_id: str
    scope: str
    currency: str
    content: Content
    digest: bytes = b""
    part: str = ""
    whole: bool = False


class PaidBack(NamedTuple):
    """Something of an order came back; `sure`: its scope was named, and no other is looked for."""

    id: str
    fact: Any
    order_id: str
    scope: str
    sure: bool
    refund_id: str
    currency: str
    amount: int
    lines: Sequence[Line] = ()
    tenders: Sequence[Tender] = ()


class Reversed(NamedTuple):
    """A refund is undone: the buyer pays after all."""

    id: str
    fact: Any
    order_id: str
    scope: str
    sure: bool
    refund_id: str


class Moved(NamedTuple):
    """The order was somebody else's all the time; or it was the member's own after all (`here`)."""

    id: str
    fact: Any
    order_id: str
    scope: str
    here: bool


class Withdrawn(NamedTuple):
    """Another event of the member is taken back: `key` is its identity, `event_id` its id."""

    id: str
    fact: Any
    key: bytes
    event_id: str = ""


OrderReport = Bought | PaidBack | Reversed | Moved
Report = OrderReport | Withdrawn
