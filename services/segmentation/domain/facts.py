"""What segmentation remembers of an event: small structs, kept for ever, one per event.

Only what a feature may need is kept. Texts that people wrote are not.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, cast

import msgspec
from msgspec import UNSET

from shared import orders
from shared.events import Event, added, event_key, facts, types
from shared.events.facts import (
    CommunityJoined,
    InteractionRecorded,
    InteractionWithdrawn,
    MemberJoined,
    Profile,
    ProfileUpdated,
    PurchaseCompleted,
    PurchaseRefunded,
)
from shared.orders import (
    Bought,
    Content,
    Line,
    PaidBack,
    Report,
    Reversed,
    Withdrawn,
    digest_of,
    digest_of_return,
    lines_of,
    returned_as,
    spread,
)

Known = Literal["birthday_month", "gender", "city", "interests"]
"""What is known of who the member is."""


class Fact(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What all facts have: the id of their event, which decisions name as their cause."""

    id: str


class Purchase(Fact, array_like=True, frozen=True, gc=False, tag=1):
    """An order was paid, or a part of it; or this is what it is now (`whole`).

    Below zero, something came back without its receipt.
    """

    order_id: str
    store_id: str
    total: int
    lines: tuple[Line, ...] = ()
    currency: str = ""
    digest: bytes = b""
    """Of all that was said of the order, also of what is not kept here."""
    part: str = ""
    whole: bool = False


class Refund(Fact, array_like=True, frozen=True, gc=False, tag=2):
    """Part or all of an order was paid back; `sure`: the store is named as where it was bought."""

    order_id: str
    amount: int
    lines: tuple[Line, ...] = ()
    refund_id: str = ""
    currency: str = ""
    store_id: str = ""
    sure: bool = False


class Interaction(Fact, array_like=True, frozen=True, gc=False, tag=3):
    """The member did something other than buying."""

    kind: str


class ProfileFact(Fact, array_like=True, frozen=True, gc=False, tag=4):
    """Something was told about who the member is; None and () say nothing.

    `cleared` are the fields of this fact that are not known any more.
    """

    birthday_month: int | None = None
    gender: str | None = None
    city: str | None = None
    interests: tuple[str, ...] = ()
    cleared: tuple[Known, ...] = ()


class Joined(Fact, array_like=True, frozen=True, gc=False, tag=5):
    """The member joined at a store, perhaps with a first word about themselves."""

    store_id: str
    profile: ProfileFact


class Community(Fact, array_like=True, frozen=True, gc=False, tag=6):
    """The member entered a community, or left it."""

    community_id: str
    entered: bool


class Reversal(Fact, array_like=True, frozen=True, gc=False, tag=7):
    """A refund was undone."""

    order_id: str
    refund_id: str
    store_id: str = ""
    sure: bool = False


class OrderMoved(Fact, array_like=True, frozen=True, gc=False, tag=9):
    """An order was somebody else's all the time; or the member's own after all (`here`)."""

    order_id: str
    store_id: str
    here: bool


class Withdrawal(Fact, array_like=True, frozen=True, gc=False, tag=8):
    """An interaction is taken back: the identity of its event."""

    of: bytes


AnyFact = (
    Purchase
    | Refund
    | Interaction
    | ProfileFact
    | Joined
    | Community
    | Reversal
    | Withdrawal
    | OrderMoved
)


def fact_of(event: Event) -> AnyFact | None:
    """What to remember of an event; None when no feature looks at such events."""
    reader = _READERS.get(event.type)
    return None if reader is None else reader(event)


def report_of(fact: AnyFact) -> Report | None:
    """What a fact says of an order, or takes back."""
    kind = type(fact)
    if kind is Purchase:
        return _bought(cast("Purchase", fact))
    if kind is Refund:
        return _paid_back(cast("Refund", fact))
    if kind is Reversal:
        undone = cast("Reversal", fact)
        return Reversed(
            undone.id, undone, undone.order_id, undone.store_id, undone.sure, undone.refund_id
        )
    if kind is OrderMoved:
        moved = cast("OrderMoved", fact)
        return orders.Moved(moved.id, moved, moved.order_id, moved.store_id, moved.here)
    if kind is Withdrawal:
        taken = cast("Withdrawal", fact)
        return Withdrawn(taken.id, taken, taken.of)
    return None


def with_content(fact: AnyFact, content: Content) -> AnyFact:
    """A purchase as if so much had been bought."""
    return msgspec.structs.replace(fact, total=content.total, lines=content.lines)


def _bought(fact: Purchase) -> Bought:
    return Bought(
        fact.id,
        fact,
        fact.order_id,
        fact.store_id,
        fact.currency,
        Content(fact.total, fact.lines),
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
        fact.refund_id or fact.id,
        fact.currency,
        fact.amount,
        fact.lines,
    )


def _purchase(event: Event) -> Purchase:
    data: PurchaseCompleted = event.data
    return _order(event, data, "" if data.part is None else data.part.id)


def _changed(event: Event) -> Purchase:
    return _order(event, event.data, whole=True)


def _order(
    event: Event, data: facts.PurchaseChanged, part: str = "", *, whole: bool = False
) -> Purchase:
    return Purchase(
        _kept(event.id),
        data.order_id,
        _kept(data.store_id or ""),
        data.total,
        spread(data.total, _lines(data.lines)),
        data.currency,
        digest_of(data),
        part,
        whole,
    )


def _refund(event: Event) -> Refund | Purchase:
    data: PurchaseRefunded = event.data
    if data.order_id is None:
        return Purchase(
            _kept(event.id),
            returned_as(data.refund_id),
            _kept(data.store_id or ""),
            -data.amount,
            currency=data.currency,
            digest=digest_of_return(data),
        )
    return Refund(
        _kept(event.id),
        data.order_id,
        data.amount,
        _lines(data.lines),
        data.refund_id,
        data.currency,
        _kept(data.order_store_id or data.store_id or ""),
        data.order_store_id is not None,
    )


def _reversal(event: Event) -> Reversal:
    data: facts.PurchaseRefundReversed = event.data
    store = data.order_store_id
    return Reversal(
        _kept(event.id), data.order_id, data.refund_id, _kept(store or ""), store is not None
    )


def _moved(event: Event) -> OrderMoved:
    data: added.OrderMoved = event.data
    here = data.to == event.subject
    return OrderMoved(_kept(event.id), data.order_id, _kept(data.store_id or ""), here)


def _interaction(event: Event) -> Interaction:
    data: InteractionRecorded = event.data
    return Interaction(_kept(event.id), _kept(data.kind))


def _withdrawal(event: Event) -> Withdrawal:
    data: InteractionWithdrawn = event.data
    withdrawn = event_key(data.source or event.source, data.id)
    return Withdrawal(_kept(event.id), withdrawn)


def _joined(event: Event) -> Joined:
    data: MemberJoined = event.data
    # who joins leaves fields empty that are known from elsewhere
    first_word = msgspec.structs.replace(_profile_fact(event.id, data.profile), cleared=())
    return Joined(_kept(event.id), _kept(data.store_id), first_word)


def _profile(event: Event) -> ProfileFact:
    data: ProfileUpdated = event.data
    return _profile_fact(event.id, data.profile)


def _entered(event: Event) -> Community:
    data: CommunityJoined = event.data
    return Community(_kept(event.id), _kept(data.community_id), entered=True)


def _left(event: Event) -> Community:
    data: CommunityJoined = event.data
    return Community(_kept(event.id), _kept(data.community_id), entered=False)


def _profile_fact(event_id: str, profile: Profile | None) -> ProfileFact:
    if profile is None:
        return ProfileFact(_kept(event_id))
    told = {
        "birthday_month": profile.birthday,
        "gender": profile.gender,
        "city": profile.city,
        "interests": profile.interests,
    }
    return ProfileFact(
        _kept(event_id),
        profile.birthday.month if profile.birthday else None,
        profile.gender or None,
        _kept(profile.city) if profile.city else None,
        tuple(map(_kept, profile.interests or ())),
        tuple([cast("Known", field) for field, value in told.items() if _clears(value)]),
    )


def _clears(value: object) -> bool:
    """Whether a value says that a field is not known any more; UNSET says nothing."""
    return value is not UNSET and not value


def _lines(lines: Sequence[facts.Line] | None) -> tuple[Line, ...]:
    return tuple(
        [(_kept(sku), _kept(category), amount) for sku, category, amount in lines_of(lines)]
    )


def _kept(text: str) -> str:
    """A text as PostgreSQL can keep it: JSON may hold NUL, a text column may not."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


_READERS: Final[dict[str, Callable[[Event], AnyFact]]] = {
    types.PURCHASE_COMPLETED: _purchase,
    types.PURCHASE_REFUNDED: _refund,
    types.PURCHASE_CHANGED: _changed,
    types.PURCHASE_REFUND_REVERSED: _reversal,
    types.ORDER_MOVED: _moved,
    types.INTERACTION_RECORDED: _interaction,
    types.INTERACTION_WITHDRAWN: _withdrawal,
    types.MEMBER_JOINED: _joined,
    types.MEMBER_PROFILE_UPDATED: _profile,
    types.COMMUNITY_JOINED: _entered,
    types.COMMUNITY_LEFT: _left,
}
