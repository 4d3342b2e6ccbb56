"""Facts name the order that they are about and keep its lines; states are folded through orders"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from alembic import op

from shared.runtime.order_names import in_chunks, name_orders, unname_orders

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_PUT: Final = sa.text("UPDATE timelines SET state = :s WHERE partition = :p AND member_id = :m")
_PARTS_AT: Final = {1: 5, 2: 4}
_ORDER_REF_AT: Final = 12  # in a history
_ORPHANS_AT: Final = 23
_BELOW_AT: Final = 5  # in a tier
_TIER_AT: Final = 6  # in a state


def upgrade() -> None:
    name_orders({1: 2, 2: 2}, _with_lines)
    connection = op.get_bind()
    for rows in in_chunks(connection, "timelines", ("partition", "member_id"), "state"):
        states = [
            {"p": partition, "m": member, "s": _without_remains(state)}
            for partition, member, state in map(tuple, rows)
        ]
        connection.execute(_PUT, states)


def downgrade() -> None:
    unname_orders()


def _with_lines(fact: list[Any]) -> list[Any]:
    """Sums by category become lines of no article."""
    place = _PARTS_AT.get(fact[0])
    if place is not None and place < len(fact):
        fact[place] = [["", category, amount] for category, amount in fact[place]]
    return fact


def _without_remains(state: bytes) -> bytes:
    """What took refunds off by hand goes."""
    member = msgspec.msgpack.decode(state)
    history, tier = member[0], member[_TIER_AT]
    for place in (_ORPHANS_AT, _ORDER_REF_AT):
        del history[place]
    del tier[_BELOW_AT]
    return msgspec.msgpack.encode(member)
