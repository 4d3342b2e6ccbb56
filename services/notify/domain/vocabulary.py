"""What a journey can know of an event: which types it may listen to, and which fields they have."""

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from services.notify.domain.facts import NOT_KEPT
from services.notify.domain.features import VARIABLE_OF
from services.notify.domain.journey import Trigger
from services.notify.domain.template import ALWAYS, VARIABLES
from shared.events import topics, types
from shared.events.registry import STRUCTS

LISTENED: frozenset[str] = (topics.TYPES_ON[topics.EVENTS] | topics.TYPES_ON[topics.SEGMENTS]) - {
    types.MEMBER_ERASED,
    types.PURCHASE_CHANGED,
    types.INTERACTION_WITHDRAWN,
    types.ORDER_MOVED,
}
"""Types that may begin or end a journey: facts, and what segmentation decides.

A change of an order is no event of its own, nor is that it is somebody else's, nor what takes an
interaction back: journeys go on as if it had always been so.
"""


class Fields(NamedTuple):
    """Fields of a type of event that have one short value.

    Attributes:
        certain: every such event tells them.
        possible: it may tell them.
    """

    certain: frozenset[str]
    possible: frozenset[str]


_TIER = Fields(
    frozenset({"to", "to_title", "direction"}),
    frozenset({"to", "to_title", "direction", "from", "from_title"}),
)
_ORDER = Fields(
    frozenset({"order_id", "channel", "total", "currency"}),
    frozenset({"order_id", "channel", "total", "currency", "store_id"}),
)
_READ = {
    types.PURCHASE_COMPLETED: _ORDER,
    types.PURCHASE_REFUNDED: Fields(
        frozenset({"refund_id", "amount", "currency"}),
        frozenset({"order_id", "refund_id", "amount", "currency", "store_id"}),
    ),
    types.PURCHASE_REFUND_REVERSED: Fields(
        frozenset({"order_id", "refund_id"}), frozenset({"order_id", "refund_id"})
    ),
    types.MEMBER_JOINED: Fields(frozenset({"store_id", "via"}), frozenset({"store_id", "via"})),
    types.MEMBER_PROFILE_UPDATED: Fields(frozenset(), frozenset()),
    types.MEMBER_CONSENT_CHANGED: Fields(frozenset(), frozenset()),
    types.TAGS_CHANGED: Fields(frozenset(), frozenset()),
    types.TIER_CHANGED: _TIER,
}
"""Types of which notify keeps something of its own (`services.notify.domain.facts`)."""


@lru_cache(maxsize=256)
def fields_of(event_type: str) -> Fields:
    """The fields of a type that notify listens to."""
    read = _READ.get(event_type)
    if read is not None:
        return read
    certain, possible = set(), set()
    for field in msgspec.structs.fields(STRUCTS[event_type]):
        if field.encode_name in NOT_KEPT or not _is_plain(field.type):
            continue
        possible.add(field.encode_name)
        if field.required:
            certain.add(field.encode_name)
    return Fields(frozenset(certain), frozenset(possible))


def variables_known(trigger: Trigger) -> frozenset[str]:
    """The variables that messages of a journey can count on, whatever happens."""
    if trigger.tag is not None:
        return ALWAYS | {"tag"}
    if trigger.event is None or trigger.event not in LISTENED:
        return frozenset(VARIABLES)  # refused already
    told = {VARIABLE_OF.get(name, name) for name in fields_of(trigger.event).certain}
    if trigger.event == types.PURCHASE_COMPLETED:
        told.add("days_since_purchase")
    if trigger.event == types.TIER_CHANGED:
        told |= {"tier", "tier_title"}
    return ALWAYS | told


def _is_plain(type_: Any) -> bool:
    """Whether a field holds a single value that facts keep."""
    return any(isinstance(each, _PLAIN) for each in _alternatives(msgspec.inspect.type_info(type_)))


_PLAIN = (
    msgspec.inspect.StrType,
    msgspec.inspect.IntType,
    msgspec.inspect.FloatType,
    msgspec.inspect.BoolType,
    msgspec.inspect.LiteralType,
)


def _alternatives(info: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    if isinstance(info, msgspec.inspect.Metadata):
        return _alternatives(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        return [each for part in info.types for each in _alternatives(part)]
    return [info]
