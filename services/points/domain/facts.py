"""What points remembers of events: small structs, one per kind of fact.

They are stored for ever, one per event, so only what rating can ask for is in them.
"""

from typing import Final, cast

import msgspec

from shared.orders import (
    Bought,
    Content,
    Line,
    Moved,
    PaidBack,
    Report,
    Reversed,
    Tender,
    Withdrawn,
)

CLEARED: Final = -1
"""In place of the month of a birthday."""


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What all facts have: the event's id and its identity of 16 bytes (source and id)."""

    id: str
    key: bytes


class Purchase(Fact, frozen=True, array_like=True, gc=False, tag=1):
    """An order was paid. Lines and tenders are kept only where the program looks at them."""

    order_id: str
    store_id: str
    currency: str
    total: int
    channel: str
    campaign_id: str | None = None
    lines: tuple[Line, ...] = ()
    tenders: tuple[Tender, ...] = ()
    referrer: bytes = b""
    """Member id of whoever sent the buyer; empty: nobody is told of."""
    digest: bytes = b""
    """Of all that was said of the order, also of what is not kept here."""
    part: str = ""
    whole: bool = False
    """It says what the order is now."""

    @property
    def is_return(self) -> bool:
        """Whether it came back without its receipt: less than nothing was bought."""
        return self.total < 0

    @property
    def content(self) -> Content:
        """What was bought."""
        return Content(self.total, self.lines, self.tenders)


class Refund(Fact, frozen=True, array_like=True, gc=False, tag=2):
    """Part or all of an order was paid back."""

    order_id: str
    refund_id: str
    currency: str
    amount: int
    lines: tuple[Line, ...] = ()
    store_id: str = ""
    sure: bool = False
    """`store_id` is said to be where it was bought."""
    tenders: tuple[Tender, ...] = ()


class Action(Fact, frozen=True, array_like=True, gc=False, tag=3):
    """An interaction or task that a rule lists."""

    kind: str
    store_id: str | None = None
    campaign_id: str | None = None
    task_id: str | None = None
    likes: int | None = None
    community_id: str | None = None
    content_id: str | None = None
    category: str | None = None
    sku: str | None = None
    score: float | None = None
    duration_s: float | None = None
    correct: bool | None = None


class Person(Fact, frozen=True, array_like=True, gc=False, tag=4):
    """Somebody joined or told about themselves.

    `birthday_month` 0, `referrer` empty: nothing said about it; CLEARED: it is not known any more.
    """

    birthday_month: int = 0
    referrer: bytes = b""


class Tier(Fact, frozen=True, array_like=True, gc=False, tag=5):
    """The member has another tier from then on; it may withdraw an earlier decision.

    `tier` is None where it does nothing but that.
    """

    tier: str | None
    supersedes: str | None = None


class Adjustment(Fact, frozen=True, array_like=True, gc=False, tag=6):
    """Points were given or taken by hand: the verdict on a command, if it was granted."""

    points: int
    reason: str
    by: str
    store_id: str | None = None


class Referral(Fact, frozen=True, array_like=True, gc=False, tag=7):
    """Somebody whom the member referred became a buyer, or is none any more.

    Of the facts with one `effect` the one with the greatest revision counts, and none of the
    others. `reward` is the effect that gave the points: this one, or that which it takes back.
    """

    effect: bytes
    revision: int
    stands: bool
    points: int
    rule: str
    version: int
    newcomer: str
    cause: str
    reward: bytes
    order_id: str | None = None
    store_id: str | None = None


class Reversal(Fact, frozen=True, array_like=True, gc=False, tag=8):
    """A refund was undone."""

    order_id: str
    refund_id: str
    store_id: str = ""
    sure: bool = False


class OrderMoved(Fact, frozen=True, array_like=True, gc=False, tag=10):
    """An order was somebody else's all the time; or the member's own after all (`here`)."""

    order_id: str
    store_id: str
    here: bool


class Withdrawal(Fact, frozen=True, array_like=True, gc=False, tag=9):
    """An interaction is taken back: the identity of its event, and that event's id."""

    of: bytes
    interaction_id: str


Amending = Purchase | Refund | Reversal | Withdrawal | OrderMoved
"""What can make an earlier fact another one, or none."""
AnyFact = Amending | Action | Person | Tier | Adjustment | Referral


def report_of(fact: AnyFact) -> Report | None:
    """What a fact says of an order, or takes back."""
    kind = type(fact)  # by exact type: this runs for every event
    if kind is Purchase:
        return _bought(cast("Purchase", fact))
    if kind is Refund:
        return _paid_back(cast("Refund", fact))
    if kind is Reversal:
        return _reversed(cast("Reversal", fact))
    if kind is OrderMoved:
        return _moved(cast("OrderMoved", fact))
    return _withdrawn(cast("Withdrawal", fact)) if kind is Withdrawal else None


def _bought(fact: Purchase) -> Bought:
    return Bought(
        fact.id,
        fact,
        fact.order_id,
        fact.store_id,
        fact.currency,
        fact.content,
        fact.digest,
        fact.part,
        fact.whole,
    )


def _paid_back(fact: Refund) -> PaidBack:
    return PaidBack(
        fact.id,
        fact,
        fact.order_id,
        fact.store_id,
        fact.sure,
        fact.refund_id,
        fact.currency,
        fact.amount,
        fact.lines,
        fact.tenders,
    )


def _reversed(fact: Reversal) -> Reversed:
    return Reversed(fact.id, fact, fact.order_id, fact.store_id, fact.sure, fact.refund_id)


def _moved(fact: OrderMoved) -> Moved:
    return Moved(fact.id, fact, fact.order_id, fact.store_id, fact.here)


def _withdrawn(fact: Withdrawal) -> Withdrawn:
    return Withdrawn(fact.id, fact, fact.of, fact.interaction_id)
