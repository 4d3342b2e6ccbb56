"""What is known of a member, the slow way: everything that was heard, looked through each time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from shared.events import Event, types

CATEGORIES = ("service", "care", "sales")
_LONG = 128
_ADVISERS = (types.CONTACT_ADDED, types.CONTACT_REMOVED, types.MEMBER_ASSIGNED)


class Heard(NamedTuple):
    """An event; of a purchase, what is left of it, and whether it had been bought before."""

    event: Event
    left: int | None = None
    again: bool = False

    @property
    def type(self) -> str:
        """As which type journeys know it: an order first told of by a change is bought then."""
        return self.event.type if self.left is None else types.PURCHASE_COMPLETED


@dataclass
class Member:
    """A member by all that was heard of them, in order."""

    heard: list[Heard] = field(default_factory=list)

    def _data(self, *of: str) -> list[Any]:
        return [each.event.data for each in self.heard if each.event.type in of]

    @property
    def erased(self) -> bool:
        return bool(self._data(types.MEMBER_ERASED))

    @property
    def orders(self) -> list[Heard]:
        """Their orders as they stand."""
        return [each for each in self.heard if each.left is not None]

    @property
    def tier(self) -> Any:
        """The last change of their tier."""
        told = self._data(types.TIER_CHANGED)
        return told[-1] if told else None

    @property
    def tags(self) -> set[str]:
        tags: set[str] = set()
        for data in self._data(types.TAGS_CHANGED):
            tags = tags.difference(data.removed).union(data.added)
        return tags

    @property
    def store(self) -> str | None:
        """Where they joined, else where they last bought."""
        joined = self._data(types.MEMBER_JOINED)
        bought = [each.event.data.store_id for each in self.orders if each.event.data.store_id]
        return joined[0].store_id if joined else bought[-1] if bought else None

    @property
    def time_zone(self) -> str | None:
        return self._preference("time_zone")

    @property
    def language(self) -> str | None:
        spoken = self._preference("language")
        return None if spoken is None else spoken.split("-")[0].lower()

    def _preference(self, name: str) -> str | None:
        told = [
            data.attributes[name]
            for data in self._data(types.MEMBER_PROFILE_UPDATED)
            if name in (data.attributes or {})
        ]
        return told[-1] if told else None

    @property
    def has_adviser(self) -> bool:
        """Whether a contact is left, or nobody ever told of one."""
        staff, told = set[str](), False
        for each in self.heard:
            if each.event.type in _ADVISERS:
                told = True
                staff.discard(each.event.data.staff_id)
                if each.event.type != types.CONTACT_REMOVED:
                    staff.add(each.event.data.staff_id)
        return bool(staff) or not told

    def allows(self, channel: Mapping[str, Any], name: str, category: str) -> bool:
        """Whether a channel may say a message of a category; the last word counts."""
        words = list(self._words_on_consent())
        of_category = [granted for said, granted in words if said == category]
        if category in CATEGORIES and of_category and not of_category[-1]:
            return False
        said = self._said_yes(name)
        return channel.get("consent") == "implied" if said is None else said

    def _said_yes(self, channel: str) -> bool | None:
        """The last word on a channel; None: there is none."""
        words = [granted for said, granted in self._words_on_consent() if said in (channel, "all")]
        return words[-1] if words else None

    def _words_on_consent(self) -> Any:
        for data in self._data(types.MEMBER_JOINED, types.MEMBER_CONSENT_CHANGED):
            if hasattr(data, "granted"):
                yield data.channel, data.granted
                continue
            # said at once, a channel's own word counts beside that on all
            words = data.consent or {}
            yield from sorted(words.items(), key=lambda word: word[0] != "all")

    def figure(self, feature: str) -> Any:  # noqa: PLR0911 - one for each feature
        """A feature of the member that conditions ask for."""
        joined = [each for each in self.heard if each.event.type == types.MEMBER_JOINED]
        match feature:
            case "consents":
                return {name for name in ("wecom", "app", "sms") if self._said_yes(name)}
            case "orders":
                return len(self.orders)
            case "tags":
                return self.tags
            case "tier":
                return None if self.tier is None else self.tier.to
            case "joined_at":
                return joined[0].event.at if joined else None
            case "home_store":
                return joined[0].event.data.store_id if joined else None
            case "last_purchase_at":
                return self.orders[-1].event.at if self.orders else None
            case _:
                raise KeyError(feature)


_KEPT = {
    types.PURCHASE_COMPLETED: ("order_id", "store_id", "channel", "currency"),
    types.PURCHASE_CHANGED: ("order_id", "store_id", "channel", "currency"),
    types.PURCHASE_REFUNDED: ("order_id", "refund_id", "store_id", "amount", "currency"),
    types.PURCHASE_REFUND_REVERSED: ("order_id", "refund_id"),
    types.MEMBER_JOINED: ("store_id", "via"),
    types.CONTACT_ADDED: ("staff_id", "store_id", "via"),
    types.CONTACT_REMOVED: ("staff_id", "store_id", "via"),
    types.MEMBER_ASSIGNED: ("staff_id", "store_id", "via"),
    types.INTERACTION_RECORDED: ("kind", "campaign_id", "likes", "store_id"),
}
"""The fields that journeys see of an event: `GET /v1/journeys` and vocabulary say the same."""


def plain(heard: Heard) -> dict[str, Any]:
    """What journeys see of an event, but for tiers."""
    fields = msgspec.to_builtins(heard.event.data)
    seen = {
        name: fields[name]
        for name in _KEPT.get(heard.event.type, ())
        if fields.get(name) is not None
    }
    return seen if heard.left is None else seen | {"total": heard.left}
