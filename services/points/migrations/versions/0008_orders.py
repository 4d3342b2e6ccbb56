"""Facts name the order that they are about; states are folded anew"""

from collections.abc import Sequence

from shared.runtime.order_names import fold_everybody_anew, name_orders, unname_orders

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    name_orders({1: 3, 2: 3})
    fold_everybody_anew()


def downgrade() -> None:
    unname_orders()
