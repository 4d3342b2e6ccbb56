"""Versions of the program can be withdrawn"""

from collections.abc import Sequence

from shared.runtime.withdrawal_tables import let_versions_be_withdrawn, undo

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    let_versions_be_withdrawn()


def downgrade() -> None:
    undo()
