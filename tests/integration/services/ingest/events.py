"""Events as publishers send them."""

import itertools
from typing import Any

_numbers = itertools.count(1)

PURCHASE = "regulars.purchase.completed.v1"
JOINED = "regulars.member.joined.v1"
UPDATED = "regulars.member.profile_updated.v1"


def event(event_type: str, data: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """An event with an id of its own."""
    return {
        "specversion": "1.0",
        "id": f"e{next(_numbers)}",
        "source": "pos/1",
        "type": event_type,
        "subject": "card:1",
        "time": "2017-01-01T11:53:26+08:00",
        "data": data,
        **attributes,
    }


def purchase(subject: str = "card:1", *, data: dict[str, Any] | None = None, **more: Any) -> Any:
    """A purchase of one line."""
    told = {
        "order_id": f"o{next(_numbers)}",
        "store_id": "s1",
        "currency": "CNY",
        "total": 3520,
        "channel": "store",
        "lines": [{"sku": "x", "category": "soup", "quantity": 1, "amount": 3520}],
        **(data or {}),
    }
    return event(PURCHASE, told, subject=subject, **more)


def joined(subject: str = "card:1", *, data: dict[str, Any] | None = None, **more: Any) -> Any:
    """Somebody joins."""
    return event(JOINED, {"store_id": "s1", "via": "code", **(data or {})}, subject=subject, **more)
