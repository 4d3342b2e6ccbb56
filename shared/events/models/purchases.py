"""Purchases and refunds."""

from typing import Literal

from shared.events.models.scalars import (
    Amount,
    Count,
    Currency,
    EventModel,
    Identifier,
    Label,
    Quantity,
    SignedAmount,
    Subject,
    Text,
)


class Line(EventModel):
    """One line of a purchase or refund."""

    sku: Label | None = None
    category: Label | None = None
    quantity: Quantity | None = None
    amount: SignedAmount
    """What was paid for the line, after discounts; below zero for what takes from the total."""
    name: Label | None = None


class GroupBuy(EventModel):
    """The group purchase that an order belongs to."""

    campaign_id: Identifier
    team_id: Identifier
    role: Literal["leader", "member"]


class Attribution(EventModel):
    """What led to an order."""

    job_id: Identifier | None = None
    """The message that the member followed."""
    campaign_id: Identifier | None = None
    community_id: Identifier | None = None
    referrer: Subject | None = None
    code: Identifier | None = None


class Tender(EventModel):
    """One means of payment of an order."""

    kind: Identifier
    amount: Amount


class Part(EventModel):
    """Which part of an order it is that is told of: one order may come in several events."""

    id: Identifier
    of: Count | None = None
    """How many parts there are, where that is known."""


class PurchaseChanged(EventModel):
    """What an order is now, as a whole: lines, total and tenders take the place of those before."""

    order_id: Identifier
    store_id: Identifier | None = None
    """Where it was bought; without it, online: at the chain itself."""
    currency: Currency
    total: Amount
    """What was paid, after discounts."""
    channel: Literal[
        "store", "web", "mini_program", "app", "delivery", "community", "phone", "other"
    ]
    lines: list[Line] | None = None
    """Some sources know only the total. What they differ from it by is spread over them."""
    discount: Amount | None = None
    points_paid: Count | None = None
    """How many points the member paid with."""
    staff_id: Identifier | None = None
    voucher_codes: list[Identifier] | None = None
    group_buy: GroupBuy | None = None
    attribution: Attribution | None = None
    receipt_code: Identifier | None = None
    """The one-time code printed on the receipt, with which a guest claims the order."""
    tenders: list[Tender] | None = None


class PurchaseCompleted(PurchaseChanged):
    """An order was paid, or a part of it."""

    part: Part | None = None


class PurchaseRefunded(EventModel):
    """Part or all of an order was paid back."""

    order_id: Identifier | None = None
    """The order of the purchase; it may become known after the refund.

    Not told where something comes back without its receipt: a purchase of less than nothing.
    """
    refund_id: Identifier
    order_store_id: Identifier | None = None
    """Where it was bought, if not where it is paid back."""
    store_id: Identifier | None = None
    currency: Currency
    amount: Amount
    lines: list[Line] | None = None
    """What came back; what it leaves of the amount is taken from all lines in proportion."""
    tenders: list[Tender] | None = None
    """By what it was paid back; what they leave of the amount, by all means in proportion."""
    reason: Text | None = None


class ReceiptClaimed(EventModel):
    """A member showed the code of a receipt on which nobody was named: the order is theirs."""

    receipt_code: Identifier
    """As the purchase told it; it may become known after the claim."""
    store_id: Identifier | None = None


class PurchaseRefundReversed(EventModel):
    """A refund was undone: the order stands again as it did before it."""

    order_id: Identifier
    refund_id: Identifier
    order_store_id: Identifier | None = None
    reason: Text | None = None
