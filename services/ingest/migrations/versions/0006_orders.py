"""Facts name the order that they are about: ingest has none"""

from collections.abc import Sequence

from shared.runtime.order_names import name_orders, unname_orders

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    name_orders({})


def downgrade() -> None:
    unname_orders()
