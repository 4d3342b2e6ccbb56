"""Facts name the order that they are about; a refund is a fact of its own"""

from collections.abc import Sequence
from typing import Any, Final

from shared.runtime.order_names import name_orders, unname_orders

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_OCCURRENCE: Final = 9
_REFUND: Final = 11
_REFUNDED: Final = "regulars.purchase.refunded.v1"


def upgrade() -> None:
    name_orders({1: 2, _REFUND: 2}, _with_refunds)


def downgrade() -> None:
    unname_orders()


def _with_refunds(fact: list[Any]) -> list[Any]:
    """What was kept of a refund as of any event becomes a fact about its order."""
    if fact[0] != _OCCURRENCE or fact[2] != _REFUNDED or "order_id" not in fact[3]:
        return fact
    values = fact[3]
    return [
        _REFUND,
        fact[1],
        values["order_id"],
        values.get("refund_id", fact[1]),
        values.get("amount", 0),
        values.get("currency", ""),
        values.get("store_id", ""),
    ]
