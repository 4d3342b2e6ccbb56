"""The data of every fact, as the hot path reads it: one msgspec struct per type.

The words about each field are with its twin in `shared.events.models`. Optional fields default to
None; fields that are not declared are skipped here and passed on in the log.
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from shared.events.scalars import (
    Amount,
    Count,
    Currency,
    Day,
    Identifier,
    Label,
    Quantity,
    Score,
    SignedAmount,
    Source,
    Subject,
    Text,
    check_currency,
)

SalesChannel = Literal[
    "store", "web", "mini_program", "app", "delivery", "community", "phone", "other"
]
JoinedVia = Literal[
    "code",
    "nearby",
    "referral",
    "receipt",
    "staff",
    "campaign",
    "partner",
    "live",
    "mini_program",
    "parcel",
    "ad",
    "event",
]
Gender = Literal["female", "male", "other", "unknown"]
UpdatedBy = Literal["member", "staff", "system"]
GroupBuyRole = Literal["leader", "member"]


class Data(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What all event data has in common: immutable, small, cheap to read."""


class Line(Data, frozen=True, kw_only=True):
    """One line of a purchase or refund; `amount` is what was paid for it."""

    sku: Label | None = None
    category: Label | None = None
    quantity: Quantity | None = None
    amount: SignedAmount
    name: Label | None = None


class GroupBuy(Data, frozen=True, kw_only=True):
    """The group purchase that an order belongs to."""

    campaign_id: Identifier
    team_id: Identifier
    role: GroupBuyRole


class Attribution(Data, frozen=True, kw_only=True):
    """What led to an order."""

    job_id: Identifier | None = None
    campaign_id: Identifier | None = None
    community_id: Identifier | None = None
    referrer: Subject | None = None
    code: Identifier | None = None


class Tender(Data, frozen=True, kw_only=True):
    """One means of payment of an order."""

    kind: Identifier
    amount: Amount


class Part(Data, frozen=True, kw_only=True):
    """Which part of an order it is that is told of."""

    id: Identifier
    of: Count | None = None


class PurchaseChanged(Data, frozen=True, kw_only=True):
    """What an order is now, as a whole."""

    order_id: Identifier
    store_id: Identifier | None = None
    currency: Currency
    total: Amount
    channel: SalesChannel
    lines: list[Line] | None = None
    discount: Amount | None = None
    points_paid: Count | None = None
    staff_id: Identifier | None = None
    voucher_codes: list[Identifier] | None = None
    group_buy: GroupBuy | None = None
    attribution: Attribution | None = None
    receipt_code: Identifier | None = None
    tenders: list[Tender] | None = None

    def __post_init__(self) -> None:
        """Hold the currency to its form."""
        check_currency(self.currency)


class PurchaseCompleted(PurchaseChanged, frozen=True, kw_only=True):
    """An order was paid, or a part of it."""

    part: Part | None = None


class PurchaseRefunded(Data, frozen=True, kw_only=True):
    """Part or all of an order was paid back; without `order_id`, of one that nobody can tell."""

    order_id: Identifier | None = None
    refund_id: Identifier
    order_store_id: Identifier | None = None
    store_id: Identifier | None = None
    currency: Currency
    amount: Amount
    lines: list[Line] | None = None
    tenders: list[Tender] | None = None
    reason: Text | None = None

    def __post_init__(self) -> None:
        """Hold the currency to its form."""
        check_currency(self.currency)


class PurchaseRefundReversed(Data, frozen=True, kw_only=True):
    """A refund was undone."""

    order_id: Identifier
    refund_id: Identifier
    order_store_id: Identifier | None = None
    reason: Text | None = None


class Profile(Data, frozen=True, kw_only=True):
    """Who a member is, as far as told; in an update only what changed.

    UNSET says nothing of a field; in an update None and an empty list clear it.
    """

    name: Label | UnsetType | None = UNSET
    phone: Label | UnsetType | None = UNSET
    birthday: Day | UnsetType | None = UNSET
    gender: Gender | UnsetType | None = UNSET
    city: Label | UnsetType | None = UNSET
    interests: list[Label] | UnsetType | None = UNSET


class ReceiptClaimed(Data, frozen=True, kw_only=True):
    """A member showed the code of a receipt on which nobody was named: the order is theirs."""

    receipt_code: Identifier
    store_id: Identifier | None = None


class MemberJoined(Data, frozen=True, kw_only=True):
    """Somebody became a member of the chain, or joined through one more door."""

    store_id: Identifier
    via: JoinedVia
    community_id: Identifier | None = None
    code: Identifier | None = None
    placement: Identifier | None = None
    referrer: Subject | None = None
    staff_id: Identifier | None = None
    profile: Profile | None = None
    consent: dict[str, bool] | None = None
    identities: list[Subject] | None = None


class ProfileUpdated(Data, frozen=True, kw_only=True):
    """Facts about a member changed."""

    by: UpdatedBy
    profile: Profile
    attributes: dict[str, Any] | None = None
    identities: list[Subject] | None = None


class ConsentChanged(Data, frozen=True, kw_only=True):
    """A member allowed or forbade a channel."""

    channel: Identifier
    granted: bool
    source: Identifier


class CodeViewed(Data, frozen=True, kw_only=True):
    """Somebody not yet known looked at a code."""

    code: Identifier
    store_id: Identifier
    visitor: Identifier
    placement: Identifier | None = None
    community_id: Identifier | None = None


class CommunityJoined(Data, frozen=True, kw_only=True):
    """A member entered a community."""

    community_id: Identifier
    store_id: Identifier
    via: Identifier | None = None
    reason: Text | None = None


class CommunityLeft(Data, frozen=True, kw_only=True):
    """A member left a community."""

    community_id: Identifier
    store_id: Identifier
    via: Identifier | None = None
    reason: Text | None = None


class InteractionRecorded(Data, frozen=True, kw_only=True):
    """A member did something other than buying; `kind` is an open list."""

    kind: Identifier
    store_id: Identifier | None = None
    community_id: Identifier | None = None
    content_id: Identifier | None = None
    campaign_id: Identifier | None = None
    job_id: Identifier | None = None
    task_id: Identifier | None = None
    sku: Identifier | None = None
    category: Identifier | None = None
    text: Text | None = None
    likes: Count | None = None
    parent_id: Identifier | None = None
    staff_id: Identifier | None = None
    score: Score | None = None
    duration_s: Quantity | None = None
    correct: bool | None = None


class InteractionWithdrawn(Data, frozen=True, kw_only=True):
    """An interaction is taken back, as if it had never been."""

    id: Identifier
    source: Source | None = None
    reason: Text | None = None


class StaffDeparted(Data, frozen=True, kw_only=True):
    """A member of staff left; without a successor their members go to the company's pool."""

    staff_id: Identifier
    store_id: Identifier
    successor_id: Identifier | None = None


class ContactAdded(Data, frozen=True, kw_only=True):
    """A member and a member of staff became contacts."""

    staff_id: Identifier
    store_id: Identifier
    via: Identifier | None = None


class ContactRemoved(Data, frozen=True, kw_only=True):
    """A member and a member of staff are contacts no more."""

    staff_id: Identifier
    store_id: Identifier
    via: Identifier | None = None


class MemberAssigned(Data, frozen=True, kw_only=True):
    """A member has a new adviser."""

    staff_id: Identifier
    store_id: Identifier
    via: Identifier | None = None


class Question(Data, frozen=True, kw_only=True):
    """What the events of a question share."""

    question_id: Identifier
    community_id: Identifier | None = None
    staff_id: Identifier | None = None
    text: Text | None = None
    score: Score | None = None


class QuestionAsked(Question, frozen=True, kw_only=True):
    """A member asked something."""


class QuestionAcknowledged(Question, frozen=True, kw_only=True):
    """Somebody took the question up."""


class QuestionResolved(Question, frozen=True, kw_only=True):
    """The question was answered."""


class ComplaintOpened(Question, frozen=True, kw_only=True):
    """A member complained."""


class ComplaintResolved(Question, frozen=True, kw_only=True):
    """The complaint was settled."""


class ContentPublished(Data, frozen=True, kw_only=True):
    """A post went out to a community, a store's followers or everybody."""

    content_id: Identifier
    kind: Identifier | None = None
    category: Identifier | None = None
    title: Label | None = None
    store_id: Identifier | None = None
    community_id: Identifier | None = None
    campaign_id: Identifier | None = None
    staff_id: Identifier | None = None


class StockArrived(Data, frozen=True, kw_only=True):
    """A store has pieces to give or sell."""

    store_id: Identifier
    sku: Identifier
    quantity: Quantity
    campaign_id: Identifier | None = None


class LiveStarted(Data, frozen=True, kw_only=True):
    """A live show began."""

    live_id: Identifier
    store_id: Identifier | None = None
    community_id: Identifier | None = None
    campaign_id: Identifier | None = None
    title: Label | None = None


class LiveEnded(Data, frozen=True, kw_only=True):
    """A live show ended."""

    live_id: Identifier
    store_id: Identifier | None = None
    community_id: Identifier | None = None
    campaign_id: Identifier | None = None
    viewers: Count | None = None
    duration_s: Quantity | None = None
