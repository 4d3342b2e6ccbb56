"""The features that conditions of journeys may speak of: the member, and the event at hand."""

from collections.abc import Mapping
from typing import Any

from services.notify.domain.facts import Scalar
from services.notify.domain.state import MemberState
from shared.clock import Instant
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
        Feature("event.tag", "text", {"zh": "新标签", "en": "tag added"}),
    ]
)
"""`event.…` is the event that let the member in (for exits by condition too)."""

EVENT_FIELDS = tuple(f.name.removeprefix(_EVENT) for f in CATALOGUE if f.name.startswith(_EVENT))


def values_of(
    state: MemberState, entered_with: Mapping[str, Scalar], at: Instant
) -> dict[str, Any]:
    """What a condition sees of a member at an instant."""
    values: dict[str, Any] = {
        NOW: at,
        "tier": state.tier,
        "tags": frozenset(state.tags),
        "orders": state.orders,
        "joined_at": state.joined_at,
        "last_purchase_at": state.last_purchase_at,
        "home_store": state.home_store,
        "consents": frozenset(c for c, granted in state.consent.items() if granted),
    }
    for field in EVENT_FIELDS:
        if field in entered_with:
            values[_EVENT + field] = entered_with[field]
    return values
