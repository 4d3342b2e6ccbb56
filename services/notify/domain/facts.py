"""What notify remembers of an event: just what a journey, a condition or a message may need later.

Every fact is small and keeps the id of its event, so that a decision can name its cause. Names,
telephone numbers and free text are not kept here: messages are addressed by member id, and whoever
delivers them knows the address.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from shared.events import Event, types
from shared.events.decisions import Receipt as ReceiptData
from shared.events.decisions import TagsChanged, TierChanged
from shared.events.facts import (
    ConsentChanged,
    MemberJoined,
    ProfileUpdated,
    PurchaseCompleted,
)

Scalar = str | int | float | bool


class Fact(msgspec.Struct, array_like=True, frozen=True, gc=False, tag_field="kind"):
    """What all facts have: the id of their event and the type that journeys listen to."""

    event_id: str


class Purchase(Fact, array_like=True, frozen=True, tag=1, gc=False):
    """An order was paid."""

    order_id: str
    store_id: str
    channel: str
    total: int
    currency: str


class Joined(Fact, array_like=True, frozen=True, tag=2):
    """The member joined, perhaps with a first word about which channels may speak."""

    store_id: str
    via: str
    consent: dict[str, bool] | None = None


class Preferences(Fact, array_like=True, frozen=True, tag=3, gc=False):
    """Language and time zone, as far as an update of the profile told them."""

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


class Tier(Fact, array_like=True, frozen=True, tag=6, gc=False):
    """The member has another tier."""

    before: str | None
    now: str
    supersedes: str | None = None


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


AnyFact = Purchase | Joined | Preferences | Consent | Tags | Tier | Receipt | Erased | Occurrence

_NOT_KEPT = frozenset({"text", "name", "title", "reason", "error"})
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
    if listens(event.type):
        return Occurrence(event.id, event.type, plain_values(event.data))
    return None


def plain_values(data: msgspec.Struct | Mapping[str, Any]) -> dict[str, Scalar]:
    """The fields of event data that are single, short values; without free text."""
    fields = msgspec.to_builtins(data) if isinstance(data, msgspec.Struct) else data
    return {
        name: value
        for name, value in fields.items()
        if name not in _NOT_KEPT
        and isinstance(value, str | int | float | bool)
        and not (isinstance(value, str) and len(value) > _TEXT_LENGTH_MAX)
    }


def _purchase(event: Event) -> Purchase:
    data: PurchaseCompleted = event.data
    return Purchase(event.id, data.order_id, data.store_id, data.channel, data.total, data.currency)


def _joined(event: Event) -> Joined:
    data: MemberJoined = event.data
    return Joined(event.id, data.store_id, data.via, data.consent)


def _preferences(event: Event) -> Preferences | None:
    data: ProfileUpdated = event.data
    attributes = data.attributes or {}
    language, zone = attributes.get("language"), attributes.get("time_zone")
    if not isinstance(language, str) and not isinstance(zone, str):
        return None
    return Preferences(
        event.id,
        # zh-CN and zh-Hant are read by whoever reads zh
        language.partition("-")[0] if isinstance(language, str) else None,
        zone if isinstance(zone, str) else None,
    )


def _consent(event: Event) -> Consent:
    data: ConsentChanged = event.data
    return Consent(event.id, data.channel, data.granted)


def _tags(event: Event) -> Tags:
    data: TagsChanged = event.data
    return Tags(event.id, data.added, data.removed, data.supersedes)


def _tier(event: Event) -> Tier:
    data: TierChanged = event.data
    return Tier(event.id, data.from_, data.to, data.supersedes)


def _receipt(event: Event) -> Receipt:
    data: ReceiptData = event.data
    status = event.type.split(".")[2]
    return Receipt(event.id, data.job_id, status, data.provider_id, data.error)


def _erased(event: Event) -> Erased:
    return Erased(event.id)


_READERS: dict[str, Callable[[Event], AnyFact | None]] = {
    types.PURCHASE_COMPLETED: _purchase,
    types.MEMBER_JOINED: _joined,
    types.MEMBER_PROFILE_UPDATED: _preferences,
    types.MEMBER_CONSENT_CHANGED: _consent,
    types.TAGS_CHANGED: _tags,
    types.TIER_CHANGED: _tier,
    types.MEMBER_ERASED: _erased,
    **dict.fromkeys(types.RECEIPTS, _receipt),
}
