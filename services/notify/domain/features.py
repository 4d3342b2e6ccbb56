"""The features that conditions of journeys may speak of: the member, and the event at hand."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from services.notify.domain.consent import channels_granted
from services.notify.domain.facts import Value
from services.notify.domain.state import MemberState
from shared.clock import DAY, Instant
from shared.conditions import NOW, Catalogue, Feature

_EVENT = "event."

CATALOGUE = Catalogue(
    [
        Feature("tier", "text", {"zh": "当前等级", "en": "tier"}),
        Feature("tags", "set", {"zh": "标签", "en": "tags"}),
        Feature("orders", "int", {"zh": "累计订单数", "en": "orders so far"}, "orders"),
        Feature("joined_at", "instant", {"zh": "入会时间", "en": "when the member joined"}),
        Feature("last_purchase_at", "instant", {"zh": "最近购买时间", "en": "last purchase"}),
        Feature("home_store", "text", {"zh": "归属门店", "en": "store of joining"}),
        Feature("consents", "set", {"zh": "同意接收的渠道", "en": "channels consented to"}),
        Feature("event.store_id", "text", {"zh": "事件门店", "en": "store of the event"}),
        Feature("event.channel", "text", {"zh": "购买渠道", "en": "channel of the purchase"}),
        Feature(
            "event.total", "int", {"zh": "订单金额", "en": "total of the order"}, "minor units"
        ),
        Feature("event.currency", "text", {"zh": "币种", "en": "currency of the order"}),
        Feature("event.via", "text", {"zh": "入会方式", "en": "way of joining"}),
        Feature("event.kind", "text", {"zh": "互动类型", "en": "kind of interaction"}),
        Feature("event.category", "text", {"zh": "品类", "en": "category"}),
        Feature("event.campaign_id", "text", {"zh": "活动", "en": "campaign"}),
        Feature("event.task_id", "text", {"zh": "任务", "en": "task"}),
        Feature("event.from", "text", {"zh": "原等级", "en": "tier before"}),
        Feature("event.to", "text", {"zh": "新等级", "en": "tier after"}),
        Feature(
            "event.direction", "text", {"zh": "等级升降", "en": "tier: up, down, first or changed"}
        ),
        Feature("event.tag", "text", {"zh": "新标签", "en": "tag added"}),
    ]
)
"""`event.…` is the event that let the member in (for exits by condition too)."""

EVENT_FIELDS = tuple(f.name.removeprefix(_EVENT) for f in CATALOGUE if f.name.startswith(_EVENT))


@lru_cache(maxsize=256)
def catalogue_for(fields: frozenset[str]) -> Catalogue:
    """The features that a journey may ask for, whose event tells these fields."""
    return Catalogue(
        [
            feature
            for feature in CATALOGUE
            if not feature.name.startswith(_EVENT) or feature.name.removeprefix(_EVENT) in fields
        ]
    )


def values_of(state: MemberState, entered_with: Mapping[str, Value], at: Instant) -> dict[str, Any]:
    """What a condition sees of a member at an instant."""
    values: dict[str, Any] = {
        NOW: at,
        "tier": state.tier,
        "tags": frozenset(state.tags),
        "orders": state.orders,
        "joined_at": state.joined_at,
        "last_purchase_at": state.last_purchase_at,
        "home_store": state.home_store,
        "consents": channels_granted(state.consent),
    }
    for field in EVENT_FIELDS:
        if field in entered_with:
            values[_EVENT + field] = entered_with[field]
    return values


VARIABLE_OF = {
    "to": "tier_after",
    "to_title": "tier_after_title",
    "from": "tier_before",
    "from_title": "tier_before_title",
    "direction": "tier_direction",
}


def variables_of(
    state: MemberState, entered_with: Mapping[str, Value], at: Instant
) -> dict[str, Value]:
    """What a message may speak of at an instant; what is not known is not in it."""
    variables: dict[str, Value] = {
        VARIABLE_OF.get(name, name): value for name, value in entered_with.items()
    }
    variables["orders"] = state.orders
    if state.tier is not None:
        variables["tier"] = state.tier
        variables["tier_title"] = state.tier_title or {"zh": state.tier, "en": state.tier}
    if state.last_purchase_at is not None:
        variables["days_since_purchase"] = (at - state.last_purchase_at) // DAY
    return variables
