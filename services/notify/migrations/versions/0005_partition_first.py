"""The Kafka partition first in the key of every table of a lane"""

from collections.abc import Sequence

from shared.runtime.partition_keys import Keys, put_back, put_first

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEYS: Keys = {
    "jobs": ("member_id", "job_id"),
    "deliveries": ("job_id",),
}


def upgrade() -> None:
    put_first(_KEYS)


def downgrade() -> None:
    put_back(_KEYS)
