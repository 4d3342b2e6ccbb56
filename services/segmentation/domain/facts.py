"""What segmentation remembers of an event: small structs, kept for ever, one per event.

Only what a feature may need is kept. Texts that people wrote are not.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from shared.events import Event, types
from shared.events.facts import (
    CommunityJoined,
    InteractionRecorded,
    Line,
    MemberJoined,
    Profile,
    ProfileUpdated,
    PurchaseCompleted,
    PurchaseRefunded,
)

Part = tuple[str, int]
"""A category and what was paid for it, in minor units."""


class Fact(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What all facts have: the id of their event, which decisions name as their cause."""

    id: str


class Purchase(Fact, array_like=True, frozen=True, gc=False, tag=1):
    """An order was paid; its lines summed by category, in order of appearance."""

    order_id: str
    store_id: str
    total: int
    parts: tuple[Part, ...] = ()


class Refund(Fact, array_like=True, frozen=True, gc=False, tag=2):
    """Part or all of an order was paid back."""

    order_id: str
    amount: int
    parts: tuple[Part, ...] = ()


class Interaction(Fact, array_like=True, frozen=True, gc=False, tag=3):
    """The member did something other than buying."""

    kind: str


class ProfileFact(Fact, array_like=True, frozen=True, gc=False, tag=4):
    """Something was told about who the member is; None and () say nothing."""

    birthday_month: int | None = None
    gender: str | None = None
    city: str | None = None
    interests: tuple[str, ...] = ()


class Joined(Fact, array_like=True, frozen=True, gc=False, tag=5):
    """The member joined at a store, perhaps with a first word about themselves."""

    store_id: str
    profile: ProfileFact


class Community(Fact, array_like=True, frozen=True, gc=False, tag=6):
    """The member entered a community, or left it."""

    community_id: str
    entered: bool


AnyFact = Purchase | Refund | Interaction | ProfileFact | Joined | Community


def fact_of(event: Event) -> AnyFact | None:
    """What to remember of an event; None when no feature looks at such events."""
    reader = _READERS.get(event.type)
    return None if reader is None else reader(event)


def _purchase(event: Event) -> Purchase:
    data: PurchaseCompleted = event.data
    return Purchase(
        _kept(event.id), data.order_id, _kept(data.store_id), data.total, _parts(data.lines)
    )


def _refund(event: Event) -> Refund:
    data: PurchaseRefunded = event.data
    return Refund(_kept(event.id), data.order_id, data.amount, _parts(data.lines or []))


def _interaction(event: Event) -> Interaction:
    data: InteractionRecorded = event.data
    return Interaction(_kept(event.id), _kept(data.kind))


def _joined(event: Event) -> Joined:
    data: MemberJoined = event.data
    return Joined(_kept(event.id), _kept(data.store_id), _profile_fact(event.id, data.profile))


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
    return ProfileFact(
        _kept(event_id),
        None if profile.birthday is None else profile.birthday.month,
        profile.gender,
        None if profile.city is None else _kept(profile.city),
        tuple(map(_kept, profile.interests or ())),
    )


def _parts(lines: list[Line]) -> tuple[Part, ...]:
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.category] = sums.get(line.category, 0) + line.amount
    return tuple([(_kept(category), amount) for category, amount in sums.items()])


def _kept(text: str) -> str:
    """A text as PostgreSQL can keep it: JSON may hold NUL, a text column may not."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


_READERS: Final[dict[str, Callable[[Event], AnyFact]]] = {
    types.PURCHASE_COMPLETED: _purchase,
    types.PURCHASE_REFUNDED: _refund,
    types.INTERACTION_RECORDED: _interaction,
    types.MEMBER_JOINED: _joined,
    types.MEMBER_PROFILE_UPDATED: _profile,
    types.COMMUNITY_JOINED: _entered,
    types.COMMUNITY_LEFT: _left,
}
