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
    Subject,
    Text,
)


class Line(EventModel):
    """One line of a purchase or refund."""

    sku: Identifier
    category: Identifier
    quantity: Quantity
    amount: Amount
    """What was paid for the line, after discounts."""
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


class PurchaseCompleted(EventModel):
    """An order was paid."""

    order_id: Identifier
    store_id: Identifier
    currency: Currency
    total: Amount
    """What was paid, after discounts."""
    channel: Literal["store", "mini_program", "app", "delivery", "community"]
    lines: list[Line]
    """May be empty: some sources know only the total."""
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


class PurchaseRefunded(EventModel):
    """Part or all of an order was paid back."""

    order_id: Identifier
    """The order of the purchase; it may become known after the refund."""
    refund_id: Identifier
    store_id: Identifier
    currency: Currency
    amount: Amount
    lines: list[Line] | None = None
    """What came back; without it, a part of the total."""
    reason: Text | None = None
