"""What notify remembers of an event: just what a journey, a condition or a message may need later.

Every fact is small and keeps the id of its event, so that a decision can name its cause. Names,
telephone numbers and free text are not kept here: messages are addressed by member id, and whoever
delivers them knows the address.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from shared import orders
from shared.events import Event, added, event_key, types
from shared.events.decisions import Receipt as ReceiptData
from shared.events.decisions import TagsChanged, TierChanged
from shared.events.facts import (
    ConsentChanged,
    ContactAdded,
    ContactRemoved,
    InteractionWithdrawn,
    MemberAssigned,
    MemberJoined,
    ProfileUpdated,
    PurchaseChanged,
    PurchaseCompleted,
    PurchaseRefunded,
    PurchaseRefundReversed,
)
from shared.orders import Bought, Content, PaidBack, Report, Reversed, Withdrawn, digest_of

Scalar = str | int | float | bool
Words = dict[str, str]
"""The same words by language."""
Value = Scalar | Words


class Fact(msgspec.Struct, array_like=True, frozen=True, gc=False, tag_field="kind"):
    """What all facts have: the id of their event and the type that journeys listen to."""

    event_id: str


class Purchase(Fact, array_like=True, frozen=True, tag=1, gc=False):
    """An order was paid, or a part of it; or this is what it is now (`whole`)."""

    order_id: str
    store_id: str
    channel: str
    total: int
    currency: str
    digest: bytes = b""
    """Of all that was said of the order, also of what is not kept here."""
    part: str = ""
    whole: bool = False
    again: bool = False
    """Whether the order had been bought before, and all of it taken back."""


class Joined(Fact, array_like=True, frozen=True, tag=2):
    """The member joined, perhaps with a first word about which channels may speak."""

    store_id: str
    via: str
    consent: dict[str, bool] | None = None


class Preferences(Fact, array_like=True, frozen=True, tag=3, gc=False):
    """Language and time zone, as far as an update of the profile told them; "": not known now."""

    language: str | None = None
    time_zone: str | None = None


class Consent(Fact, array_like=True, frozen=True, tag=4, gc=False):
    """The member let a channel speak, or told it to be silent."""

    channel: str
    granted: bool


class Tags(Fact, array_like=True, frozen=True, tag=5):
    """Tags came and went."""

    added: list[str]
    removed: list[str]
    supersedes: str | None = None


class Tier(Fact, array_like=True, frozen=True, tag=6):
    """The member has another tier; what both are called, and where they rank, as far as told."""

    before: str | None
    now: str
    supersedes: str | None = None
    rank: int | None = None
    title: Words = {}
    rank_before: int | None = None
    title_before: Words = {}


class Receipt(Fact, array_like=True, frozen=True, tag=7, gc=False):
    """What became of a message: `status` is the last word of the event type (sent, failed, …)."""

    job_id: str
    status: str
    provider_id: str | None = None
    error: str | None = None


class Erased(Fact, array_like=True, frozen=True, tag=8, gc=False):
    """The member is to be forgotten."""


class Occurrence(Fact, array_like=True, frozen=True, tag=9):
    """Any other event that a journey of the program listens to, with its plain values."""

    type: str
    values: dict[str, Scalar]


class Contact(Fact, array_like=True, frozen=True, tag=10, gc=False):
    """A member of staff and the member became contacts, or are contacts no more (`removed`)."""

    staff_id: str
    store_id: str
    via: str = ""
    removed: bool = False
    assigned: bool = False


class Refund(Fact, array_like=True, frozen=True, tag=11, gc=False):
    """Part or all of an order was paid back; `sure`: the store is named as where it was bought.

    No order: it came back without its receipt.
    """

    order_id: str
    refund_id: str
    amount: int
    currency: str
    store_id: str = ""
    sure: bool = False


class Reversal(Fact, array_like=True, frozen=True, tag=12, gc=False):
    """A refund was undone."""

    order_id: str
    refund_id: str
    store_id: str = ""
    sure: bool = False


class OrderMoved(Fact, array_like=True, frozen=True, tag=14, gc=False):
    """An order was somebody else's all the time; or the member's own after all (`here`)."""

    order_id: str
    store_id: str
    here: bool


class Withdrawal(Fact, array_like=True, frozen=True, tag=13, gc=False):
    """An interaction is taken back: the identity of its event."""

    of: bytes


AnyFact = (
    Purchase
    | Joined
    | Preferences
    | Consent
    | Tags
    | Tier
    | Receipt
    | Erased
    | Occurrence
    | Contact
    | Refund
    | Reversal
    | OrderMoved
    | Withdrawal
)

NOT_KEPT = frozenset({"text", "name", "title", "reason", "error"})
_TEXT_LENGTH_MAX = 128


def fact_of(event: Event, listens: Callable[[str], bool]) -> AnyFact | None:
    """What to remember of an event; None when notify has no use for it.

    Args:
        event: the event.
        listens: whether a journey of the program is triggered or ended by a type of event.
    """
    reader = _READERS.get(event.type)
    if reader is not None:
        return reader(event)
    if event.type == types.INTERACTION_WITHDRAWN:
        return _withdrawal(event) if listens(types.INTERACTION_RECORDED) else None
    if listens(event.type):
        return Occurrence(event.id, event.type, plain_values(event.data))
    return None


def plain_values(data: msgspec.Struct | Mapping[str, Any]) -> dict[str, Scalar]:
    """The fields of event data that are single, short values; without free text."""
    fields = msgspec.to_builtins(data) if isinstance(data, msgspec.Struct) else data
    return {
        name: value
        for name, value in fields.items()
        if name not in NOT_KEPT
        and isinstance(value, str | int | float | bool)
        and not (isinstance(value, str) and len(value) > _TEXT_LENGTH_MAX)
    }


def report_of(fact: AnyFact) -> Report | None:
    """What a fact says of an order, or takes back."""
    match fact:
        case Purchase():
            return Bought(
                fact.event_id,
                fact,
                fact.order_id,
                fact.store_id,
                fact.currency,
                Content(fact.total),
                fact.digest,
                fact.part,
                fact.whole,
            )
        case Refund() if fact.order_id:
            return PaidBack(
                fact.event_id,
                fact,
                fact.order_id,
                fact.store_id,
                fact.sure,
                fact.refund_id,
                fact.currency,
                fact.amount,
            )
        case Reversal():
            return Reversed(
                fact.event_id, fact, fact.order_id, fact.store_id, fact.sure, fact.refund_id
            )
        case OrderMoved():
            return orders.Moved(fact.event_id, fact, fact.order_id, fact.store_id, fact.here)
        case Withdrawal():
            return Withdrawn(fact.event_id, fact, fact.of)
        case _:
            return None


def _purchase(event: Event) -> Purchase:
    data: PurchaseCompleted = event.data
    return _order(event, data, "" if data.part is None else data.part.id)


def _changed(event: Event) -> Purchase:
    return _order(event, event.data, whole=True)


def _order(event: Event, data: PurchaseChanged, part: str = "", *, whole: bool = False) -> Purchase:
    return Purchase(
        event.id,
        data.order_id,
        data.store_id or "",
        data.channel,
        data.total,
        data.currency,
        digest_of(data),
        part,
        whole,
    )


def _refund(event: Event) -> Refund:
    data: PurchaseRefunded = event.data
    store = data.order_store_id or data.store_id or ""
    sure = data.order_store_id is not None
    return Refund(
        event.id, data.order_id or "", data.refund_id, data.amount, data.currency, store, sure
    )


def _reversal(event: Event) -> Reversal:
    data: PurchaseRefundReversed = event.data
    store = data.order_store_id
    return Reversal(event.id, data.order_id, data.refund_id, store or "", store is not None)


def _moved(event: Event) -> OrderMoved:
    data: added.OrderMoved = event.data
    return OrderMoved(event.id, data.order_id, data.store_id or "", data.to == event.subject)


def _joined(event: Event) -> Joined:
    data: MemberJoined = event.data
    return Joined(event.id, data.store_id, data.via, data.consent)


def _preferences(event: Event) -> Preferences | None:
    data: ProfileUpdated = event.data
    attributes = data.attributes or {}
    language, zone = _told(attributes, "language"), _told(attributes, "time_zone")
    if language is None and zone is None:
        return None
    # zh-CN and zh-Hant are read by whoever reads zh
    return Preferences(event.id, language and language.partition("-")[0].lower(), zone)


def _told(attributes: Mapping[str, Any], name: str) -> str | None:
    """A text among the attributes; "" where it is cleared, None where nothing is said of it."""
    value = attributes.get(name, ...)
    if value is None or value == []:
        return ""
    return value if isinstance(value, str) else None


def _withdrawal(event: Event) -> Withdrawal:
    data: InteractionWithdrawn = event.data
    return Withdrawal(event.id, event_key(data.source or event.source, data.id))


def _consent(event: Event) -> Consent:
    data: ConsentChanged = event.data
    return Consent(event.id, data.channel, data.granted)


def _tags(event: Event) -> Tags:
    data: TagsChanged = event.data
    return Tags(event.id, data.added, data.removed, data.supersedes)


def _tier(event: Event) -> Tier:
    data: TierChanged = event.data
    level, before = data.level, data.level_before
    return Tier(
        event.id,
        data.from_,
        data.to,
        data.supersedes,
        None if level is None else level.rank,
        {} if level is None else level.title,
        None if before is None else before.rank,
        {} if before is None else before.title,
    )


def _contact(event: Event) -> Contact:
    data: ContactAdded | ContactRemoved | MemberAssigned = event.data
    removed, assigned = event.type == types.CONTACT_REMOVED, event.type == types.MEMBER_ASSIGNED
    return Contact(event.id, data.staff_id, data.store_id, data.via or "", removed, assigned)


def _receipt(event: Event) -> Receipt:
    data: ReceiptData = event.data
    status = event.type.split(".")[2]
    return Receipt(event.id, data.job_id, status, data.provider_id, data.error)


def _erased(event: Event) -> Erased:
    return Erased(event.id)


_READERS: dict[str, Callable[[Event], AnyFact | None]] = {
    types.PURCHASE_COMPLETED: _purchase,
    types.PURCHASE_CHANGED: _changed,
    types.PURCHASE_REFUNDED: _refund,
    types.PURCHASE_REFUND_REVERSED: _reversal,
    types.ORDER_MOVED: _moved,
    types.MEMBER_JOINED: _joined,
    types.MEMBER_PROFILE_UPDATED: _preferences,
    types.MEMBER_CONSENT_CHANGED: _consent,
    types.TAGS_CHANGED: _tags,
    types.TIER_CHANGED: _tier,
    types.MEMBER_ERASED: _erased,
    types.CONTACT_ADDED: _contact,
    types.CONTACT_REMOVED: _contact,
    types.MEMBER_ASSIGNED: _contact,
    **dict.fromkeys(types.RECEIPTS, _receipt),
}
